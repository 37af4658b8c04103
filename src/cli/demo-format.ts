import { plainText } from "../domain/reading.ts";
import type { Row } from "./demo-table.ts";
import { printable } from "./printable.ts";

/** The most decimals that the table shows. */
const mostDecimals = 3;

/** A value with decimals that stay the same from one reading to the next; `–` where there is none. */
export function formatValue({ value, decimals, largest, status }: Row): string {
  if (value === undefined) return "–";
  if (value === null) return status ?? "–";
  if (typeof value === "number")
    return value.toFixed(decimals === undefined ? decimalsFor(largest) : cap(decimals));
  return plainText(value);
}

function cap(decimals: number): number {
  return Math.min(decimals, mostDecimals);
}

/** About four significant digits of the largest value seen. */
function decimalsFor(largest: number): number {
  if (largest >= 1_000) return 0;
  if (largest >= 100) return 1;
  return largest >= 10 ? 2 : mostDecimals;
}

/** How old a value is, in few characters: `0.3 s`, `12 s`, `5 min`, `2 h`. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, ms) / 1_000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 99.5) return `${seconds.toFixed(0)} s`;
  if (seconds < 5_970) return `${(seconds / 60).toFixed(0)} min`;
  return `${(seconds / 3_600).toFixed(0)} h`;
}

/** 12345 as `12,345`. */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString("en-US");
}

/** `07:05`, `1:02:03`. */
export function formatElapsed(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  const parts = [Math.floor(seconds / 60) % 60, seconds % 60].map((part) => String(part).padStart(2, "0"));
  const hours = Math.floor(seconds / 3_600);
  return hours === 0 ? parts.join(":") : [hours, ...parts].join(":");
}

/** Cut to `width` characters, the last an ellipsis where something is missing. */
export function fit(text: string, width: number): string {
  if (width <= 0) return "";
  return printable(text.length <= width ? text : `${text.slice(0, width - 1)}…`);
}

/** Where the decimal points of a column stand: so many characters for the point and what follows. */
const fraction = mostDecimals + 1;

/** A value in its column: numbers with their decimal points below each other, what is too wide for that at the right. */
export function alignValue(text: string, width: number): string {
  const point = /^-?\d+(\.\d+)?$/.test(text) ? text.indexOf(".") : -1;
  const after = point === -1 ? 0 : text.length - point;
  const aligned = printable(text) + " ".repeat(Math.max(0, fraction - after));
  return aligned.length <= width ? aligned.padStart(width) : fit(text, width).padStart(width);
}

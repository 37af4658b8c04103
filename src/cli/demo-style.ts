import type { Quality } from "../domain/reading.ts";
import type { DeviceState } from "../supervisor/device-state.ts";

export type Colour = "plain" | "bold" | "dim" | "green" | "yellow" | "red";

const codes: Readonly<Record<Colour, string>> = {
  plain: "",
  bold: "1",
  dim: "2",
  green: "32",
  yellow: "33",
  red: "1;31",
};

/** Puts a text in a colour, or leaves it where there shall be none. */
export type Paint = (colour: Colour, text: string) => string;

export const withoutColour: Paint = (_, text) => text;

/** ECMA-48 §8.3.117, select graphic rendition. */
export const withColour: Paint = (colour, text) =>
  colour === "plain" || text.trim() === "" ? text : `\u001B[${codes[colour]}m${text}\u001B[0m`;

export function qualityColour(quality: Quality | undefined): Colour {
  switch (quality) {
    case "bad":
      return "red";
    case "uncertain":
      return "yellow";
    case "good":
      return "plain";
    case undefined:
      return "dim";
  }
}

export function stateColour({ state }: DeviceState): Colour {
  switch (state) {
    case "online":
      return "green";
    case "connecting":
      return "yellow";
    case "offline":
      return "red";
    case "stopped":
      return "dim";
  }
}

import type { TagMapping } from "../adapter-kit/mapping.ts";
import { encodeTagValue, plainText, type Quality, type Sample, type TagValue } from "../domain/reading.ts";
import { printable } from "./printable.ts";
import { compileScaling } from "../normalise/scaling.ts";

/** A sample as a reading shows it, and what the device holds. */
export interface ShownTag {
  readonly tag: string;
  readonly value: TagValue | null;
  readonly raw: TagValue | null;
  readonly unit: string | undefined;
  readonly quality: Quality;
  readonly status: string | undefined;
}

/** Scaled as a gateway would. */
export function shownTag(
  { tag, value: raw, quality, status }: Sample,
  mapping: TagMapping | undefined,
): ShownTag {
  const usable = quality === "bad" ? null : raw;
  const value = usable === null || mapping === undefined ? usable : compileScaling(mapping)(usable);
  const unit = mapping?.unit;
  if (typeof value !== "number" || Number.isFinite(value)) return { tag, value, raw, unit, quality, status };
  return { tag, value: null, raw, unit, quality: "bad", status: "NotANumber" };
}

/** One line for tools: `{"tag":…,"value":…,"raw":…,"unit":…,"quality":…,"status":…}`, values as in readings. */
export function shownJson({ tag, value, raw, unit, quality, status }: ShownTag, more: object = {}): string {
  const rest = {
    ...(unit === undefined ? {} : { unit }),
    quality,
    ...(status === undefined ? {} : { status }),
    ...more,
  };
  return `{"tag":${JSON.stringify(tag)},"value":${encodeTagValue(value)},"raw":${encodeTagValue(raw)},${JSON.stringify(rest).slice(1)}`;
}

/** `182.4 bar`. */
export function withUnit(value: TagValue | null, unit: string | undefined): string {
  if (value === null) return "–";
  return printable(unit === undefined ? plainText(value) : `${plainText(value)} ${unit}`);
}

import { isPath, isSegment } from "../../domain/tag-path.ts";

/** A device's message as EVENTS has it. */
export interface EventText {
  readonly json: string;
  /** Parsed; undefined where it is no JSON. */
  readonly document: unknown;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * `{"timestamp":…,"data":…}`, the JSON form of device events: a JSON payload as it stands, digit for digit, any other text as a
 * string, and what is no UTF-8 as base64 beside `"encoding":"base64"`. `more` are further fields.
 */
export function eventText(
  payload: Buffer,
  timestamp: number,
  more: Readonly<Record<string, string>> = {},
): EventText {
  const fields = Object.entries(more).map(
    ([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)},`,
  );
  const wrap = (data: string, document?: unknown) => ({
    json: `{"timestamp":${timestamp},${fields.join("")}"data":${data}}`,
    document,
  });
  let text: string;
  try {
    text = utf8.decode(payload);
  } catch {
    return wrap(`"${payload.toString("base64")}","encoding":"base64"`);
  }
  try {
    return wrap(text, JSON.parse(text) as unknown);
  } catch {
    return wrap(JSON.stringify(text));
  }
}

/** What a message says that it is: a text, or a number that is told apart from every other; undefined for all else. */
export function identityText(value: unknown): string | undefined {
  if (typeof value === "string") return value === "" ? undefined : value;
  return Number.isSafeInteger(value) ? String(value) : undefined;
}

/** A wildcard's part of a topic as a part of a name; what can't stand in one becomes `_`. */
export function namePart(part: string): string {
  if (isPath(part)) return part;
  return part
    .split("/")
    .map((level) => (isSegment(level) ? level : level.replaceAll(/[^A-Za-z0-9_-]/g, "_") || "_"))
    .join("/");
}

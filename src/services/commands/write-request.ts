import { parseJson } from "../../adapter-kit/json-document.ts";
import { encodeTagValue, type StructuredValue, type TagValue } from "../../domain/reading.ts";
import { GatewayError } from "../../domain/errors.ts";
import { nearestName } from "../../domain/nearest.ts";

/** What a request over NATS or MQTT may ask for, beside the value. */
export interface WriteRequest {
  readonly value: TagValue;
  /** Who says to have asked: a claim, unless the way in proves it. */
  readonly by?: string | undefined;
  readonly why?: string | undefined;
  /** Not sent to the device after this many ms. */
  readonly expiresInMs?: number | undefined;
  /** Not sent to the device after this time, in ms since the Unix epoch. */
  readonly notAfter?: number | undefined;
  /** All the checks, and nothing written. */
  readonly dryRun: boolean;
  /** The token of the first request, where the mapping asks for a second one. */
  readonly confirm?: string | undefined;
}

/** The answer to a write request; `encodeWriteReply` gives its wire form. Design §3. */
export type WriteReply = { readonly id?: unknown; readonly tookMs: number } & (
  | {
      readonly ok: true;
      readonly readBack?: TagValue | null | undefined;
      /** Nothing was written, as asked. */
      readonly dryRun?: true | undefined;
    }
  | {
      readonly ok: false;
      readonly code: string;
      /** As the audit and the metrics name it, such as `busy`. */
      readonly reason?: string | undefined;
      readonly message: string;
      readonly readBack?: TagValue | null | undefined;
      /** The token that the same request is to come again with. */
      readonly confirm?: string | undefined;
    }
);

const largestRequest = 64_000;
const longestText = 200;
const expected = `expected a JSON object such as {"value":1200}`;
/** One of these misspelt would write where its sender meant not to: other keys are the sender's own and are let be. */
const guardingKeys = ["expiresInMs", "notAfter", "dryRun", "confirm"];

function refuse(message: string, cause?: unknown): never {
  throw new GatewayError("WRITE_REFUSED", message, { cause, context: { reason: "request" } });
}

/** The JSON object of a request, whole numbers beyond ±2^53 in it as bigints; throws WRITE_REFUSED with what is expected where it is none. */
export function parseObject(payload: Uint8Array): Readonly<Record<string, unknown>> {
  if (payload.length > largestRequest) {
    refuse(`The request has ${payload.length} bytes, ${largestRequest} are the most.`);
  }
  let parsed: unknown;
  try {
    parsed = parseJson(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch (cause) {
    refuse(`The request is not JSON: ${expected}.`, cause);
  }
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed))
    return parsed as Record<string, unknown>;
  return refuse(`The request is not an object: ${expected}.`);
}

/** Who says to have asked, and why: read first, so that the audit has it whatever is wrong with the rest. */
export function claimOf(fields: Readonly<Record<string, unknown>>): Pick<WriteRequest, "by" | "why"> {
  const by = textOf(fields, "by", longestText);
  if (by?.trim() === "") refuse("by in the request is blank: it says who asks.");
  return { by, why: textOf(fields, "why", longestText) };
}

/** What is asked for; throws WRITE_REFUSED where it can't be done as it stands. */
export function requestOf(fields: Readonly<Record<string, unknown>>): WriteRequest {
  for (const key of Object.keys(fields)) {
    const meant = guardingKeys.includes(key) ? undefined : nearestName(key.replaceAll("_", ""), guardingKeys);
    if (meant !== undefined) refuse(`The request has a key ${JSON.stringify(key)}. Was ${meant} meant?`);
  }
  const dryRun = fields["dryRun"] ?? false;
  if (typeof dryRun !== "boolean") refuse("dryRun in the request is neither true nor false.");
  return {
    value: valueOf(fields),
    ...claimOf(fields),
    expiresInMs: numberOf(fields, "expiresInMs"),
    notAfter: numberOf(fields, "notAfter"),
    dryRun,
    confirm: textOf(fields, "confirm", longestText),
  };
}

function textOf(fields: Readonly<Record<string, unknown>>, key: string, longest: number): string | undefined {
  const text = fields[key];
  if (text === undefined) return undefined;
  if (typeof text !== "string") return refuse(`${key} in the request is no text.`);
  return text.length <= longest
    ? text
    : refuse(`${key} in the request is longer than ${longest} characters.`);
}

function numberOf(fields: Readonly<Record<string, unknown>>, key: string): number | undefined {
  const number = fields[key];
  if (number === undefined) return undefined;
  return typeof number === "number" && Number.isFinite(number) && number >= 0
    ? number
    : refuse(`${key} in the request is no number of ms.`);
}

function valueOf({ value }: Readonly<Record<string, unknown>>): TagValue {
  const plain = ["number", "bigint", "boolean", "string"];
  if (plain.includes(typeof value)) return value as TagValue;
  // Out of parseJson, so that it is JSON all the way down.
  if (typeof value === "object" && value !== null) return value as StructuredValue;
  return refuse(`The request has no value that can be written: ${expected}.`);
}

/** `{"ok":true,"readBack":1200,"tookMs":8}`. */
export function encodeWriteReply(reply: WriteReply): string {
  let json = `{"ok":${reply.ok}`;
  if (!reply.ok) {
    const { code, reason, message } = reply;
    const word = reason === undefined ? "" : `,"reason":${JSON.stringify(reason)}`;
    json += `,"code":"${code}"${word},"message":${JSON.stringify(message)}`;
  }
  if (!reply.ok && reply.confirm !== undefined) json += `,"confirm":${JSON.stringify(reply.confirm)}`;
  if (reply.ok && reply.dryRun === true) json += `,"dryRun":true`;
  if (reply.readBack !== undefined) json += `,"readBack":${encodeTagValue(reply.readBack)}`;
  json += `,"tookMs":${reply.tookMs}`;
  if (reply.id !== undefined) json += `,"id":${JSON.stringify(reply.id)}`;
  return `${json}}`;
}

import { encodeTagValue, type StructuredValue, type TagValue } from "../../domain/reading.ts";
import { GatewayError } from "../../domain/errors.ts";

/** The answer to a write request; `encodeWriteReply` gives its wire form. Design §3. */
export type WriteReply = { readonly id?: unknown; readonly tookMs: number } & (
  | { readonly ok: true; readonly readBack?: TagValue | null | undefined }
  | {
      readonly ok: false;
      readonly code: string;
      readonly message: string;
      readonly readBack?: TagValue | null | undefined;
    }
);

const largestRequest = 64_000;
const expected = `expected a JSON object such as {"value":1200}`;

/** The JSON object of a request; throws WRITE_REFUSED with what is expected where it is none. */
export function parseObject(payload: Uint8Array): Readonly<Record<string, unknown>> {
  if (payload.length > largestRequest) {
    throw new GatewayError(
      "WRITE_REFUSED",
      `The request has ${payload.length} bytes, ${largestRequest} are the most.`,
    );
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch (cause) {
    throw new GatewayError("WRITE_REFUSED", `The request is not JSON: ${expected}.`, { cause });
  }
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed))
    return parsed as Record<string, unknown>;
  throw new GatewayError("WRITE_REFUSED", `The request is not an object: ${expected}.`);
}

/** The value asked for; throws WRITE_REFUSED where there is none that can be written. */
export function valueOf({ value }: Readonly<Record<string, unknown>>): TagValue {
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "string") return value;
  // Out of JSON.parse, so that it is JSON all the way down.
  if (typeof value === "object" && value !== null) return value as StructuredValue;
  throw new GatewayError("WRITE_REFUSED", `The request has no value that can be written: ${expected}.`);
}

/** `{"ok":true,"readBack":1200,"tookMs":8}`. */
export function encodeWriteReply(reply: WriteReply): string {
  let json = `{"ok":${reply.ok}`;
  if (!reply.ok) json += `,"code":"${reply.code}","message":${JSON.stringify(reply.message)}`;
  if (reply.readBack !== undefined) json += `,"readBack":${encodeTagValue(reply.readBack)}`;
  json += `,"tookMs":${reply.tookMs}`;
  if (reply.id !== undefined) json += `,"id":${JSON.stringify(reply.id)}`;
  return `${json}}`;
}

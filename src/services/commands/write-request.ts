import { encodeTagValue, type TagValue } from "../../domain/reading.ts";
import { GatewayError } from "../../domain/errors.ts";

/** What somebody asks for in `{"value":1200,"id":"…"}`. */
export interface WriteRequest {
  readonly value: number | boolean | string;
  /** Comes back in the reply. */
  readonly id?: string | number;
}

/** The answer to a write request; `encodeWriteReply` gives its wire form. Design §3. */
export type WriteReply = { readonly id?: string | number | undefined; readonly tookMs: number } & (
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

/** Reads a request; throws WRITE_REFUSED with what is expected where it is none. */
export function parseWriteRequest(payload: Uint8Array): WriteRequest {
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
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw new GatewayError("WRITE_REFUSED", `The request is not an object: ${expected}.`);
  }
  const { value, id } = parsed as Record<string, unknown>;
  if (typeof value !== "number" && typeof value !== "boolean" && typeof value !== "string") {
    throw new GatewayError("WRITE_REFUSED", `The request has no value that can be written: ${expected}.`);
  }
  if (id === undefined) return { value };
  if (typeof id === "string" || typeof id === "number") return { value, id };
  throw new GatewayError("WRITE_REFUSED", "The request's id must be a string or a number.");
}

/** The `id` of a request that could not be taken, so that even its refusal carries it. */
export function idOf(payload: Uint8Array): string | number | undefined {
  try {
    return parseWriteRequest(payload).id;
  } catch {
    return undefined;
  }
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

/** What went wrong, in kinds that carry a policy. Design §2. */
export type ErrorCode =
  | "CONFIG_INVALID"
  | "DEVICE_UNREACHABLE"
  | "DEVICE_TIMEOUT"
  | "DEVICE_REJECTED"
  | "PROTOCOL_VIOLATION"
  | "UPLINK_UNAVAILABLE"
  | "STORE_FULL"
  | "WRITE_REFUSED"
  | "INTERNAL";

export interface ErrorDetails {
  /** What caused it, as it was caught. */
  readonly cause?: unknown;
  /** What an operator or a log needs beside the sentence: host, unit id, address, exception code. */
  readonly context?: Readonly<Record<string, unknown>>;
}

/**
 * The one error class of Linegate. The message is the operator's sentence: what happened and what to check.
 * The technical detail stands in `context` and `cause`.
 */
export class GatewayError extends Error {
  override readonly name = "GatewayError";
  readonly code: ErrorCode;
  readonly context: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.context = details.context ?? {};
  }
}

/** True where trying again soon, with nothing changed, may well succeed. */
export function isRetryable(code: ErrorCode): boolean {
  switch (code) {
    case "DEVICE_UNREACHABLE":
    case "DEVICE_TIMEOUT":
    case "PROTOCOL_VIOLATION":
    case "UPLINK_UNAVAILABLE":
      return true;
    case "CONFIG_INVALID":
    case "DEVICE_REJECTED":
    case "STORE_FULL":
    case "WRITE_REFUSED":
    case "INTERNAL":
      return false;
  }
}

/** Whatever was caught, as a GatewayError: itself where it is one, else wrapped as INTERNAL. */
export function toGatewayError(caught: unknown): GatewayError {
  if (caught instanceof GatewayError) return caught;
  const message = caught instanceof Error ? caught.message : String(caught);
  return new GatewayError("INTERNAL", message, { cause: caught });
}

/** The errors thrown by `AbortSignal`s that were aborted on purpose. */
export function isAbort(caught: unknown): boolean {
  return caught instanceof Error && caught.name === "AbortError";
}

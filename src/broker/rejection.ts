import { GatewayError } from "../domain/errors.ts";
import type { Rejection } from "./counters.ts";

/** Reasons that were counted where they arose. */
const counted: ReadonlySet<unknown> = new Set([
  "version",
  "clientId",
  "connections",
  "tooManyFailures",
  "busy",
  "credentials",
  "anonymous",
]);

/** How the end of a connection is counted; undefined for one that is nobody's fault, or was counted before. */
export function rejectionOf(error: Error): Rejection | "slow" | undefined {
  const reason = error instanceof GatewayError ? error.context["reason"] : undefined;
  if (counted.has(reason)) return undefined;
  if (reason === "slow") return "slow";
  if (reason === "packetSize" || reason === "disk") return reason;
  if (reason === "closed") return undefined;
  // A cable that was pulled: what the operating system says of a socket carries its code.
  if ("code" in error && !(error instanceof GatewayError)) return undefined;
  // aedes tells these apart by their text alone.
  if (error.message === "connection closed") return undefined;
  if (error.message === "connect did not arrive in time" || error.message === "keep alive timeout")
    return "timeout";
  return "protocol";
}

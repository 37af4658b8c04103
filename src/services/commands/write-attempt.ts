import type { OnWriteFailure } from "../../adapter-kit/mapping.ts";
import type { GatewayError } from "../../domain/errors.ts";
import { encodeTagValue, type TagValue } from "../../domain/reading.ts";
import type { WriteReply } from "./write-request.ts";

/** Where a write came from, for the audit. */
export interface Origin {
  readonly via: "nats" | "mqtt" | "service" | "gateway";
  /** The MQTT client's id. */
  readonly client?: string | undefined;
  /** The MQTT client's user, as it logged in. */
  readonly user?: string | undefined;
  /** Which part of the gateway's own, such as `service:scheduling`. */
  readonly by?: string | undefined;
}

/** What is to be written, once the request was understood. */
export interface Asked {
  readonly value: TagValue;
  /** On the monotonic clock, in ms: not sent after that. */
  readonly notAfter?: number | undefined;
  readonly dryRun?: boolean | undefined;
  /** The token of a two-step confirm. */
  readonly confirm?: string | undefined;
  /** The gateway's own write of a fail-safe value: of the right type and in range, and nothing else stands in its way. */
  readonly failSafe?: { isDue(): boolean } | undefined;
}

/** One attempt at a write, from the request to the audit. */
export interface Attempt {
  readonly name: string;
  readonly origin: Origin;
  /** How far it got, for the words of the reply and the log. */
  stage: "not sent" | "sent" | "written";
  id?: unknown;
  /** Who says to have asked, where nothing proves it. */
  claimedBy?: string | undefined;
  why?: string | undefined;
  value?: TagValue;
  dryRun?: boolean | undefined;
  before?: TagValue | null | undefined;
  readBack?: TagValue | null | undefined;
  onFailure?: OnWriteFailure;
  /** The value was written a second time. */
  retried?: true;
}

/** How far a write got that a device's adapter rejected with this. */
export function stageAfter({ code, context }: Pick<GatewayError, "code" | "context">): Attempt["stage"] {
  const isSettled = code === "DEVICE_REJECTED" || code === "WRITE_REFUSED";
  return (context["sent"] ?? !isSettled) === true ? "sent" : "not sent";
}

/** What an operator must know of a write that failed. */
export function mayBeWritten({ stage }: Pick<Attempt, "stage">): string {
  switch (stage) {
    case "not sent":
      return "Nothing was written.";
    case "sent":
      return "The value may have been written all the same.";
    case "written":
      return "The value was written, but not read back.";
  }
}

/** Who asked, as far as it is known: what a confirmation is bound to, and what the words of a fail-safe name. */
export function writerOf({ origin, claimedBy }: Attempt): string {
  return origin.by ?? origin.user ?? claimedBy ?? origin.client ?? origin.via;
}

/** An attempt as the log and the audit have it. */
export function auditFields(attempt: Attempt, reply: WriteReply): object {
  const { name, origin, claimedBy, why, value, before, dryRun, retried, id } = attempt;
  const outcome = reply.ok
    ? { ok: true }
    : { ok: false, code: reply.code, reason: reply.reason, message: reply.message };
  return {
    tag: name,
    value: jsonValue(value),
    before: jsonValue(before),
    readBack: jsonValue(reply.readBack),
    ...origin,
    claimedBy,
    why,
    id,
    ...(dryRun === true ? { dryRun } : {}),
    retried,
    tookMs: reply.tookMs,
    ...outcome,
  };
}

function jsonValue(value: TagValue | null | undefined): unknown {
  return value === undefined ? undefined : JSON.parse(encodeTagValue(value));
}

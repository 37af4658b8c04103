import type { TagValue } from "../../domain/reading.ts";

/** One value that a service of the gateway wants written. */
export interface WriteOrder {
  /** Below the site, such as `press-1/motor/setpoint`. */
  readonly tag: string;
  /** In the tag's unit. */
  readonly value: TagValue;
  /** Who, for the audit: such as `service:scheduling`. */
  readonly by: string;
  /** Only the way by which the order came says that it was `by`: the audit has it as a claim. */
  readonly claimed?: true;
  /** Why, for the audit: such as `press/complete part 42`. */
  readonly why?: string;
  /** Not sent to the device after this many ms from now: refused then. */
  readonly expiresInMs?: number;
}

export type WriteOutcome =
  | {
      readonly ok: true;
      /** What the device holds afterwards, in the tag's unit; absent where it can't be asked. */
      readonly readBack?: TagValue | null;
      readonly tookMs: number;
    }
  | {
      readonly ok: false;
      /** An ErrorCode, such as `WRITE_REFUSED`. */
      readonly code: string;
      /** In a word, such as `range` or `device-timeout` (docs/writes.md). After `busy` the same write may succeed soon. */
      readonly reason?: string | undefined;
      /** What an operator is to know. */
      readonly message: string;
      readonly tookMs: number;
    };

/** The one way to write to a device from inside: guarded, read back and audited as requests over NATS and MQTT are. */
export interface CommandPort {
  /** Never rejects: whatever happens is an outcome. */
  write(order: WriteOrder): Promise<WriteOutcome>;
}

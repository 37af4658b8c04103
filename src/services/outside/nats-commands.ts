import type { Clock } from "../../adapter-kit/clock.ts";
import type { Duration } from "../../domain/duration.ts";
import { toGatewayError } from "../../domain/errors.ts";
import { encodeTagValue } from "../../domain/reading.ts";
import type { NatsLink } from "../../nats/link.ts";
import type { CommandPort, WriteOrder, WriteOutcome } from "../commands/command-port.ts";

export interface NatsCommandsOptions {
  /** Where the gateway takes the writes of this service, and of nobody else. */
  readonly subject: string;
  /** In which the gateway settles a write once its turn has come. */
  readonly deadline: Duration;
  readonly link: Pick<NatsLink, "request">;
  readonly clock: Clock;
  /** The gateway did not answer. */
  readonly onAway: () => void;
}

/** Beyond what the gateway takes. */
const onTheWayMs = 1_000;

/**
 * Writes by the gateway: guarded, read back and audited there. While it is away its devices are as well, so that such a write
 * fails as one to an absent device does inside, and may be made when the device is back.
 */
export class NatsCommands implements CommandPort {
  readonly #options: NatsCommandsOptions;

  constructor(options: NatsCommandsOptions) {
    this.#options = options;
  }

  async write({ tag, value, why, expiresInMs }: WriteOrder): Promise<WriteOutcome> {
    const { subject, deadline, link, clock, onAway } = this.#options;
    const fields = JSON.stringify({ tag, why, expiresInMs });
    const json = `${fields.slice(0, -1)},"value":${encodeTagValue(value)}}`;
    const began = clock.monotonic();
    // The wait for its turn, which may take as long, comes before.
    const withinMs = 2 * deadline + onTheWayMs;
    try {
      const answer = await link.request(subject, json, withinMs);
      return JSON.parse(Buffer.from(answer).toString()) as WriteOutcome;
    } catch (caught) {
      const { context, message } = toGatewayError(caught);
      onAway();
      const tookMs = Math.round(clock.monotonic() - began);
      return context["sent"] === false ? unasked(tag, message, tookMs) : unanswered(tag, message, tookMs);
    }
  }
}

function unasked(tag: string, error: string, tookMs: number): WriteOutcome {
  const message = `${tag}: the gateway is away. Nothing was written. ${error}`;
  return { ok: false, code: "DEVICE_UNREACHABLE", reason: "device-unreachable", message, tookMs };
}

function unanswered(tag: string, error: string, tookMs: number): WriteOutcome {
  const message = `${tag}: the gateway did not answer. The value may have been written all the same. ${error}`;
  return { ok: false, code: "DEVICE_TIMEOUT", reason: "device-timeout", message, tookMs };
}

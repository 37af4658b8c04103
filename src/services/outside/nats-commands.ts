import { toGatewayError } from "../../domain/errors.ts";
import { encodeTagValue } from "../../domain/reading.ts";
import { TagPath } from "../../domain/tag-path.ts";
import type { NatsLink } from "../../nats/link.ts";
import type { CommandPort, WriteOrder, WriteOutcome } from "../commands/command-port.ts";

export interface NatsCommandsOptions {
  readonly site: string;
  /** The gateway answers within this many ms. */
  readonly deadlineMs: number;
  readonly link: Pick<NatsLink, "request">;
}

/** Beyond the gateway's own deadline. */
const onTheWayMs = 1_000;

/** Writes by requests on `cmd.…`, as everybody else's: guarded, read back and audited by the gateway. */
export class NatsCommands implements CommandPort {
  readonly #options: NatsCommandsOptions;

  constructor(options: NatsCommandsOptions) {
    this.#options = options;
  }

  async write({ tag, value, ...rest }: WriteOrder): Promise<WriteOutcome> {
    const { site, deadlineMs, link } = this.#options;
    const { subject } = new TagPath("cmd", site, tag);
    const json = `{"value":${encodeTagValue(value)},${JSON.stringify(rest).slice(1)}`;
    try {
      const answer = await link.request(subject, json, deadlineMs + onTheWayMs);
      return JSON.parse(Buffer.from(answer).toString()) as WriteOutcome;
    } catch (caught) {
      const { code, message } = toGatewayError(caught);
      return { ok: false, code, message, tookMs: deadlineMs };
    }
  }
}

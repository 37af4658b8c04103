import type { NatsConnection } from "@nats-io/transport-node";
import type { Log } from "../adapter-kit/log.ts";
import { toGatewayError } from "../domain/errors.ts";
import { ask } from "./ask.ts";
import { JetStreamApi } from "./jetstream-api.ts";
import { ensureLatest } from "./streams.ts";

const apiWithinMs = 3_000;

/** The stream LATEST on whatever server there is: looked for, made where it is missing, and what stands in its way. */
export class LatestStream {
  readonly #maxBytes: number;
  readonly #log: Log;
  #problem: string | undefined = "not looked for yet";

  constructor(maxBytes: number, log: Log) {
    this.#maxBytes = maxBytes;
    this.#log = log;
  }

  /** Why late joiners get no snapshot; undefined while the stream is there and fits. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** True where the stream had to be made, and so is empty. Never rejects: readings flow without it. */
  async look(connection: NatsConnection): Promise<boolean> {
    const api = new JetStreamApi((subject, payload) => ask(connection, subject, payload, apiWithinMs));
    try {
      const made = await ensureLatest(api, this.#maxBytes);
      this.#problem = undefined;
      return made;
    } catch (caught) {
      const problem = toGatewayError(caught).message;
      if (problem !== this.#problem && !connection.isClosed()) {
        this.#log.warn({ error: problem }, "The stream LATEST is missing: late joiners get no snapshot");
      }
      this.#problem = problem;
      return false;
    }
  }
}

import { toGatewayError, type AdapterContext } from "../../src/adapter-kit/index.ts";

/** One job at a time, and one more that waits; what comes beyond is turned away and counted. */
export class SingleFlight {
  #running = false;
  #next: (() => Promise<void>) | undefined;
  readonly #device: string;
  readonly #context: Pick<AdapterContext, "log" | "metrics">;

  constructor(device: string, context: Pick<AdapterContext, "log" | "metrics">) {
    this.#device = device;
    this.#context = context;
  }

  /** False where the job was turned away. A job that fails is told in the log, and the next one gets its turn. */
  run(job: () => Promise<void>): boolean {
    if (!this.#running) void this.#fly(job);
    else if (this.#next === undefined) this.#next = job;
    else {
      this.#context.metrics.fault("overrun");
      return false;
    }
    return true;
  }

  async #fly(first: () => Promise<void>): Promise<void> {
    this.#running = true;
    for (let job: (() => Promise<void>) | undefined = first; job !== undefined;) {
      try {
        await job();
      } catch (caught) {
        const { code, message } = toGatewayError(caught);
        this.#context.log.error(
          { device: this.#device, code },
          `an inspection was not completed: ${message}`,
        );
      }
      job = this.#next;
      this.#next = undefined;
    }
    this.#running = false;
  }
}

import type { Clock } from "../../adapter-kit/clock.ts";
import type { Log } from "../../adapter-kit/log.ts";
import { toGatewayError } from "../../domain/errors.ts";
import { TagPath } from "../../domain/tag-path.ts";
import type { NatsLink } from "../../nats/link.ts";
import type { OutsideService } from "./bridge-subjects.ts";
import { RemoteDevices } from "./remote-devices.ts";
import { RemoteReadings } from "./remote-readings.ts";

const lookEveryMs = 1_000;
const answerWithinMs = 2_000;
/** One late answer is no lost gateway. */
const missesToLose = 2;

export interface GatewayMirrorOptions {
  readonly site: string;
  /** The service that runs here. */
  readonly service: OutsideService;
  /** Where the gateway tells the states of its devices. */
  readonly states: string;
  readonly link: Pick<NatsLink, "subscribe" | "request" | "onRefill" | "state">;
  readonly clock: Clock;
  readonly log: Log;
  /** Called once, when the gateway was found for the first time: before its devices are there, as at its own start. */
  readonly onFound: () => void;
  /** Called at each sign of life; `anew` where the gateway may have been away since the last one. */
  readonly onAnswer: (anew: boolean) => void;
}

/** The gateway as a service outside of it sees it over NATS: its readings, its devices, and whether it is there. */
export class GatewayMirror {
  readonly devices = new RemoteDevices();
  readonly readings: RemoteReadings;
  readonly #options: GatewayMirrorOptions;
  readonly #stopping = new AbortController();
  #wake = new AbortController();
  #isFound = false;
  #wasFound = false;
  #told = false;
  #misses = 0;
  #gap = true;
  #stops: (() => void)[] = [];
  #looking: Promise<void> = Promise.resolve();

  constructor(options: GatewayMirrorOptions) {
    this.#options = options;
    this.readings = new RemoteReadings(options);
  }

  /** The gateway answers. */
  get isFound(): boolean {
    return this.#isFound;
  }

  /** Looks for the gateway from now on. */
  start(): void {
    const { site, link } = this.#options;
    this.#stops = [
      link.subscribe(new TagPath("state", site, "*").subject, ({ subject, data }) => {
        if (this.#isFound) this.devices.see(subject.split(".").at(-1) ?? "", stateOf(data));
      }),
      link.onRefill((reason) => {
        if (reason !== "connected") return;
        this.#gap = true;
        this.readings.lose();
        this.#wake.abort();
      }),
    ];
    this.#looking = this.#look();
  }

  /** From now on these tags and no others. */
  follow(tags: ReadonlySet<string>): void {
    this.readings.follow(tags);
    this.#wake.abort();
  }

  /** It did not answer to something else: its devices count as gone until it answers again, so that their return is told. */
  doubt(): void {
    this.#gap = true;
    this.devices.take({});
  }

  /** Idempotent. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#looking;
    for (const stop of this.#stops.splice(0)) stop();
    this.readings.stop();
  }

  async #look(): Promise<void> {
    const { clock, link, states } = this.#options;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      this.#wake = new AbortController();
      const woken = AbortSignal.any([signal, this.#wake.signal]);
      try {
        const answer = await link.request(states, "", answerWithinMs);
        const told = JSON.parse(Buffer.from(answer).toString()) as Readonly<Record<string, unknown>>;
        if (signal.aborted) return;
        this.#found(told);
        await this.readings.recall();
      } catch (caught) {
        this.#missed(toGatewayError(caught).message);
      }
      await clock.sleep(lookEveryMs, woken).catch(() => undefined);
    }
  }

  #found(states: Readonly<Record<string, unknown>>): void {
    this.#misses = 0;
    if (!this.#isFound && this.#told) this.#options.log.info({}, "The gateway is there again");
    this.#isFound = true;
    this.#told = false;
    if (!this.#wasFound) {
      this.#wasFound = true;
      this.#options.onFound();
    }
    const anew = this.#gap;
    this.#gap = false;
    this.devices.take(states);
    this.#options.onAnswer(anew);
  }

  #missed(error: string): void {
    const { link, log, service } = this.#options;
    this.#misses += 1;
    this.#gap = true;
    if (link.state === "connected" && this.#misses < missesToLose) return;
    // That there is no connection the link tells.
    if (!this.#told && link.state === "connected")
      log.warn(
        { error, nextTryInMs: lookEveryMs },
        `The gateway does not answer: its devices count as gone until it does. Check that it runs, with services: { ${service}: outside }`,
      );
    this.#told = link.state === "connected";
    if (!this.#isFound) return;
    this.#isFound = false;
    this.readings.lose();
    this.devices.take({});
  }
}

function stateOf(data: Uint8Array): string {
  try {
    return String((JSON.parse(Buffer.from(data).toString()) as { state?: unknown }).state);
  } catch {
    return "";
  }
}

import type { Clock } from "../adapter-kit/clock.ts";
import type { StreamName } from "../store/outbox-row.ts";
import { incarnationName } from "./durable-stream.ts";
import type { HubStatus } from "./hub-link.ts";
import { madeAs } from "./hub-place.ts";
import type { HubWire } from "./hub-wire.ts";
import { JetStreamApi } from "./jetstream-api.ts";

/** What the API itself never says. */
const noAnswer = Buffer.from("{}");

/** What a hub says of one of the gateway's streams. */
export interface Taken {
  /** The last place that it has. */
  readonly seq: number;
  /** In which stream of its own, as `madeAs` has it. */
  readonly of?: string | undefined;
}

/** The hub as far as it takes over what the gateway has collected, by a leaf connection or by the forwarder. */
export interface HubTaken {
  readonly status: HubStatus;
  /**
   * What the hub has of this incarnation of the stream; undefined where it does not say now. `last` is the
   * stream's own last place, looked up before.
   */
  taken(stream: StreamName, incarnation: number, last: number): Promise<Taken | undefined>;
}

export interface LeafTakenOptions {
  /** The gateway's name, and so its JetStream domain. */
  readonly gateway: string;
  readonly wire: HubWire;
  readonly status: () => HubStatus;
  readonly clock: Clock;
}

/** Asks the hub over the leaf connection how far its streams have got: only they know. */
export class LeafTaken implements HubTaken {
  readonly #options: LeafTakenOptions;
  readonly #api: JetStreamApi;

  constructor(options: LeafTakenOptions) {
    this.#options = options;
    const { wire } = options;
    this.#api = new JetStreamApi(
      async (subject, payload) => (await wire.ask(subject.replace("$JS.API", wire.api), payload)) ?? noAnswer,
    );
  }

  get status(): HubStatus {
    return this.#options.status();
  }

  async taken(stream: StreamName, incarnation: number, last: number): Promise<Taken | undefined> {
    const { gateway, clock, status } = this.#options;
    const { connected, since } = status();
    if (!connected) return undefined;
    const info = await this.#api.streamInfo(stream);
    const of = info && madeAs(info);
    const source = info?.sources?.find(
      ({ name, external }) =>
        name === incarnationName(stream, incarnation) && external?.api === `$JS.${gateway}.API`,
    );
    // It takes nothing of this one: `linegate hub apply` was not run since there is one.
    if (source === undefined) return { seq: 0, of };
    // What the hub heard of it over an earlier connection says nothing of what came since.
    const heardMs = source.active / 1e6;
    if (source.active < 0 || heardMs >= clock.now() - since) return undefined;
    return { seq: Math.max(0, last - source.lag), of };
  }
}

import { createInbox } from "@nats-io/transport-node";
import type { Clock } from "../adapter-kit/clock.ts";
import type { Log } from "../adapter-kit/log.ts";
import type { HubConfig } from "../config/gateway-schema.ts";
import { isAbort, toGatewayError } from "../domain/errors.ts";
import type { PartHealth } from "../observability/health.ts";
import { streamNames, type StreamName } from "../store/outbox-row.ts";
import { ForwardStream } from "./forward-stream.ts";
import { hubClientTargets } from "./hub-client.ts";
import type { HubCounters, HubStatus } from "./hub-link.ts";
import { forwardedSubjects, intakeName, type TakenPlace } from "./hub-place.ts";
import type { HubTaken, Taken } from "./hub-taken.ts";
import { hubInbox } from "./hub-wire.ts";
import { ForwardLive } from "./forward-live.ts";
import { NatsLink } from "./link.ts";

const lookEveryMs = 1_000;
/** What did not change is told again after so many looks. */
const tellEveryLooks = 60;
/**
 * From this minor version of 2 on a hub's stream sources what was bound to the message before it (measured with 2.15.2;
 * 2.9.10 refuses the copies, ADR 27). On older ones one message at a time is under way.
 */
const bindsOrderFrom = 15;

export interface ForwarderOptions {
  readonly gateway: string;
  /** Its place, such as `plant1/line1`. */
  readonly site: string;
  readonly siteDir: string;
  readonly config: HubConfig;
  /** Looks up a secret: `env:NAME` or `file:PATH`. Rejects with CONFIG_INVALID. */
  readonly secret: (reference: string) => Promise<string>;
  /** The gateway's link to its own nats-server. */
  readonly local: NatsLink;
  /** Up to where the hub was known to have a stream before the start. */
  readonly known: (stream: StreamName) => TakenPlace | undefined;
  /** Which incarnation of a stream is written to. */
  readonly incarnation: (stream: StreamName) => number;
  /** After each change of the link to the hub, and again every minute. */
  readonly onStatus: (status: HubStatus) => void;
  readonly log: Log;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
}

/** Brings the local streams to a hub that allows no leaf, with the rights of a plain client. */
export class Forwarder implements HubTaken {
  readonly #options: ForwarderOptions;
  /** To the hub. */
  readonly link: NatsLink;
  readonly #live: ForwardLive;
  readonly #streams: Readonly<Record<StreamName, ForwardStream>>;
  #status: HubStatus;
  #problem: string | undefined;

  constructor(options: ForwarderOptions) {
    const { gateway, site, config, local, known, incarnation, clock, log } = options;
    this.#options = options;
    this.#status = { connected: false, since: clock.now() };
    this.link = new NatsLink({
      ...options,
      with: "Connected to the hub",
      without: "No connection to the hub; what is for it is kept, and it is dialled again",
    });
    this.#live = new ForwardLive({ filters: config.live, site, local, hub: this.link });
    const inbox = createInbox(hubInbox(gateway));
    const one = (stream: StreamName) =>
      new ForwardStream({
        stream,
        intake: intakeName(stream, gateway),
        prefixes: forwardedSubjects(stream, gateway, site).map((subject) => subject.slice(0, -1)),
        link: local,
        hub: this.link,
        inbox,
        incarnation: () => incarnation(stream),
        known: () => known(stream),
        bindsOrder: () => bindsOrder(this.link.server?.version),
        clock,
        log,
      });
    this.#streams = { EVENTS: one("EVENTS"), BATCHES: one("BATCHES") };
  }

  get status(): HubStatus {
    return this.#status;
  }

  get counters(): HubCounters {
    const { connects, received, dropped } = this.link.counters;
    const lost = dropped.disconnected + dropped.backpressure + dropped.oversized;
    const sent = streamNames.reduce((sum, stream) => sum + this.#streams[stream].counters.forwarded, 0);
    return { connects, sentMessages: sent + this.#live.sent, receivedMessages: received, droppedLive: lost };
  }

  health(): PartHealth {
    const { connected, since, server, roundTripMs } = this.#status;
    const when = new Date(since).toISOString();
    if (!connected) {
      const why = this.#problem ?? this.link.lastError;
      return { ok: false, detail: `no connection since ${when}${why === undefined ? "" : `: ${why}`}` };
    }
    const trip = roundTripMs === undefined ? "" : `, round trip ${roundTripMs} ms`;
    const problems = streamNames.flatMap((stream) => {
      const { problem } = this.#streams[stream];
      return problem === undefined ? [] : [`${stream} is not taken: ${problem}`];
    });
    const detail = [`connected as a client to ${server ?? "the hub"} since ${when}${trip}`, ...problems];
    return { ok: problems.length === 0, detail: detail.join("; ") };
  }

  /** The local stream has more. */
  wake(stream: StreamName): void {
    this.#streams[stream].wake();
  }

  async taken(stream: StreamName, incarnation: number): Promise<Taken | undefined> {
    const taken = this.#streams[stream].taken;
    if (taken === undefined || this.#streams[stream].problem !== undefined) return undefined;
    return { seq: taken.incarnation === incarnation ? taken.seq : 0, of: taken.of };
  }

  /** Until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { config, siteDir, secret, gateway, log, onStatus, clock } = this.#options;
    onStatus(this.#status);
    try {
      const password = config.password === undefined ? undefined : await secret(config.password);
      const targets = await hubClientTargets(config, password, siteDir, hubInbox(gateway));
      let next = 0;
      this.link.start(() => targets[next++ % targets.length] ?? targets[0]);
    } catch (caught) {
      this.#problem = toGatewayError(caught).message;
      log.error({ error: this.#problem }, "The hub can't be dialled");
      return;
    }
    this.#live.start();
    const streams = streamNames.map((stream) => this.#streams[stream].run(signal));
    for (let look = 1; !signal.aborted; look += 1) {
      this.#look(look);
      // One look after the other: that is what this loop is for.
      await clock.sleep(lookEveryMs, signal).catch((caught: unknown) => {
        if (!isAbort(caught)) throw caught;
      });
    }
    await this.link.stop();
    await Promise.all(streams);
  }

  #look(look: number): void {
    const { clock, onStatus } = this.#options;
    const before = this.#status;
    const connected = this.link.state === "connected";
    const server = this.link.server?.name;
    const { roundTripMs } = this.link;
    this.#status = {
      connected,
      since: connected === before.connected ? before.since : clock.now(),
      ...(server === undefined ? {} : { server }),
      ...(roundTripMs === undefined ? {} : { roundTripMs: Math.round(roundTripMs * 1e3) / 1e3 }),
    };
    if (connected !== before.connected || look % tellEveryLooks === 0) onStatus(this.#status);
  }
}

function bindsOrder(version: string | undefined): boolean {
  const [major = 0, minor = 0] = (version ?? "").split(".").map(Number);
  return major > 2 || (major === 2 && minor >= bindsOrderFrom);
}

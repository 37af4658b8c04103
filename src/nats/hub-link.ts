import { json } from "node:stream/consumers";
import type { Clock } from "../adapter-kit/clock.ts";
import type { Log } from "../adapter-kit/log.ts";
import { answerTo, http } from "../adapter-kit/node-http.ts";
import { isAbort, toGatewayError } from "../domain/errors.ts";
import type { PartHealth } from "../observability/health.ts";
import type { LeafFault } from "./leaf-fault.ts";

const everyMs = 2_000;
const answerWithinMs = 2_000;
/** What did not change is told again after so many looks. */
const tellEveryLooks = 30;

/** Two gateways of one name push each other out within seconds. */
const recentMs = 60_000;

/** How the leaf's connection to the hub stands. */
export interface HubStatus {
  readonly connected: boolean;
  /** Of the last change, in ms since the Unix epoch. */
  readonly since: number;
  /** Of the hub's server that it is connected to. */
  readonly server?: string;
  readonly roundTripMs?: number;
}

export interface HubCounters {
  readonly connects: number;
  /** Over the present connection. */
  readonly sentMessages: number;
  readonly receivedMessages: number;
  /** Readings and states that could not be sent at once, of a forwarder since its start. */
  readonly droppedLive?: number;
}

export interface HubLinkOptions {
  /** Of the embedded server's monitoring, while that runs. */
  readonly monitorPort: () => number | undefined;
  /** What the connection suffered last. */
  readonly fault: () => LeafFault | undefined;
  /** After each change, at the next look again, and every minute. */
  readonly onStatus: (status: HubStatus) => void;
  readonly log: Log;
  readonly clock: Clock;
}

/** One entry of `/leafz`, as far as it is looked at. */
interface Leaf {
  readonly name?: string;
  readonly ip?: string;
  readonly port?: number;
  /** Such as `1.2ms`. */
  readonly rtt?: string;
  readonly in_msgs?: number;
  readonly out_msgs?: number;
}

/** Looks how the embedded server's connection to the hub stands: the server makes it and keeps it up by itself. */
export class HubLink {
  readonly #options: HubLinkOptions;
  #status: HubStatus;
  #connects = 0;
  #leaf: Leaf | undefined;
  #problem: string | undefined;

  constructor(options: HubLinkOptions) {
    this.#options = options;
    this.#status = { connected: false, since: options.clock.now() };
  }

  get status(): HubStatus {
    return this.#status;
  }

  get counters(): HubCounters {
    return {
      connects: this.#connects,
      sentMessages: this.#leaf?.out_msgs ?? 0,
      receivedMessages: this.#leaf?.in_msgs ?? 0,
    };
  }

  /** What an operator reads; a hub that is away is no fault of the gateway's. */
  health(): PartHealth {
    const { connected, since, server, roundTripMs } = this.#status;
    const when = new Date(since).toISOString();
    const { fault: lastFault, clock } = this.#options;
    const fault = lastFault();
    if (!connected) {
      const why = this.#problem ?? fault?.text;
      return { ok: false, detail: `no connection since ${when}${why === undefined ? "" : `: ${why}`}` };
    }
    if (fault?.isTwin === true && clock.monotonic() - fault.at < recentMs)
      return { ok: false, detail: fault.text };
    const trip = roundTripMs === undefined ? "" : `, round trip ${roundTripMs} ms`;
    return { ok: true, detail: `connected to ${server ?? "the hub"} since ${when}${trip}` };
  }

  /** Looks now and then until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, onStatus } = this.#options;
    onStatus(this.#status);
    for (let look = 1, toldAgain = true; !signal.aborted; look += 1) {
      const before = this.#status.connected;
      // One look after the other: that is what this loop is for.
      await this.#look(signal);
      if (signal.aborted) return;
      if (this.#status.connected !== before) {
        this.#tell();
        onStatus(this.#status);
        toldAgain = false;
      } else if (!toldAgain || look % tellEveryLooks === 0) {
        // What was said while the hub's subscriptions were still on their way did not reach anybody there.
        toldAgain = true;
        onStatus(this.#status);
      }
      try {
        await clock.sleep(everyMs, signal);
      } catch (caught) {
        if (isAbort(caught)) return;
        throw caught;
      }
    }
  }

  async #look(signal: AbortSignal): Promise<void> {
    try {
      this.#leaf = await this.#ask(signal);
      this.#problem = undefined;
    } catch (caught) {
      this.#leaf = undefined;
      this.#problem = toGatewayError(caught).message;
    }
    const leaf = this.#leaf;
    const connected = leaf !== undefined;
    const roundTripMs = milliseconds(leaf?.rtt);
    const server = leaf === undefined ? undefined : (leaf.name ?? `${leaf.ip}:${leaf.port}`);
    const since = connected === this.#status.connected ? this.#status.since : this.#options.clock.now();
    if (connected && !this.#status.connected) this.#connects += 1;
    this.#status = {
      connected,
      since,
      ...(server === undefined ? {} : { server }),
      ...(roundTripMs === undefined ? {} : { roundTripMs }),
    };
  }

  /** The connection to the hub; undefined where there is none. */
  async #ask(signal: AbortSignal): Promise<Leaf | undefined> {
    const port = this.#options.monitorPort();
    if (port === undefined) return undefined;
    const asked = http.request(`http://127.0.0.1:${port}/leafz`, {
      agent: false,
      signal: AbortSignal.any([signal, AbortSignal.timeout(answerWithinMs)]),
    });
    const { leafs } = (await json(await answerTo(asked))) as { leafs?: readonly Leaf[] | null };
    return leafs?.[0];
  }

  #tell(): void {
    const { connected, server } = this.#status;
    if (connected) this.#options.log.info({ server }, "Connected to the hub");
    else {
      const error = this.#options.fault()?.text;
      this.#options.log.warn(
        error === undefined ? {} : { error },
        "No connection to the hub; what is for it is kept, and it is dialled again",
      );
    }
  }
}

/** A duration as Go prints it, such as `1.2ms`, `350µs` or `1.5s`; undefined where it is none. */
function milliseconds(text: string | undefined): number | undefined {
  const match = /^([\d.]+)(ns|µs|μs|us|ms|s)$/.exec(text ?? "");
  if (match === null) return undefined;
  const factor = { ns: 1e-6, ms: 1, s: 1e3 }[match[2] ?? ""] ?? 1e-3;
  return Math.round(Number(match[1]) * factor * 1e3) / 1e3;
}

import { coerceNodeId } from "node-opcua-nodeid";
import { formatDuration, GatewayError, ms, type Clock, type Log } from "../../src/adapter-kit/index.ts";
import type { MonitoredSpec, Subscription } from "./subscription.ts";
import { valueOf } from "./variant-value.ts";

const currentTime = coerceNodeId("i=2258");
const serverState = coerceNodeId("i=2259");
const namespaceArray = coerceNodeId("i=2255");
const states = [
  "Running",
  "Failed",
  "NoConfiguration",
  "Suspended",
  "Shutdown",
  "Test",
  "CommunicationFault",
  "Unknown",
];

export interface HeartbeatOptions {
  readonly place: string;
  readonly clock: Clock;
  readonly log: Log;
  /** The server's time may stand still for so long, in ms. */
  readonly limit: number;
  readonly namespaces: readonly string[];
}

/**
 * Judges the server by data: its own clock must move, whatever keep-alives come. Watches for a shutdown, and for
 * namespaces in another order, as after a download into a PLC: every node id is another one then.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #lost = Promise.withResolvers<never>();
  #last: number;
  #told = 0;
  /** False where the server does not show its time. */
  #hasTime = true;
  /** The server may look at its clock more seldom than it was asked to. */
  #limit: number;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#last = options.clock.monotonic();
    this.#limit = options.limit;
    this.#lost.promise.catch(() => undefined);
  }

  get node() {
    return currentTime;
  }

  /** Begins to watch, in the device's subscription. */
  async subscribe(subscription: Subscription, signal: AbortSignal): Promise<void> {
    const samplingInterval = Math.min(1_000, this.#options.limit / 4);
    const item = (node: typeof currentTime, onData: MonitoredSpec["onData"]): MonitoredSpec => ({
      node,
      attribute: 13,
      samplingInterval,
      queueSize: 1,
      ...(onData === undefined ? {} : { onData }),
    });
    const [time] = await subscription.monitor(
      [
        item(currentTime, () => this.beat()),
        item(serverState, (data) => this.#judgeState(data.value ? valueOf(data.value) : null)),
        item(namespaceArray, (data) => this.#judgeNamespaces(data.value ? valueOf(data.value) : null)),
      ],
      signal,
    );
    this.#hasTime = time !== undefined && "id" in time;
    if (time !== undefined && "id" in time) this.#limit = Math.max(this.#limit, 3 * time.samplingInterval);
  }

  /** The server's clock has moved. */
  beat(): void {
    this.#last = this.#options.clock.monotonic();
  }

  /** Something came; as good as the time where the server shows none. */
  alive(): void {
    if (!this.#hasTime) this.beat();
  }

  /** Rejects when the server is to be given up. */
  async watch(signal: AbortSignal): Promise<never> {
    const { clock } = this.#options;
    const limit = this.#limit;
    this.beat();
    const ticking = async (): Promise<never> => {
      for (;;) {
        await clock.sleep(limit / 8, signal);
        if (clock.monotonic() - this.#last > limit) throw this.#stopped();
      }
    };
    return Promise.race([ticking(), this.#lost.promise]);
  }

  #stopped(): GatewayError {
    const { place } = this.#options;
    return new GatewayError(
      "DEVICE_TIMEOUT",
      `${place} is there, but its clock has stood still for ${formatDuration(ms(this.#limit))}. Check whether it hangs.`,
    );
  }

  #judgeState(state: unknown): void {
    if (typeof state !== "number") return;
    const { place, log } = this.#options;
    if (state === 4) {
      this.#lost.reject(new GatewayError("DEVICE_UNREACHABLE", `${place} is shutting down.`));
    } else if (state !== 0 && state !== this.#told) {
      log.warn({ state: states[state] }, `${place} says that it is not running: ${states[state] ?? state}`);
    }
    this.#told = state;
  }

  #judgeNamespaces(now: unknown): void {
    if (!Array.isArray(now) || now.length === 0) return;
    const { namespaces, place } = this.#options;
    if (now.length === namespaces.length && namespaces.every((uri, index) => uri === now[index])) return;
    const message = `${place} has other namespaces than before (a download into the PLC?): its nodes are looked up anew.`;
    this.#lost.reject(new GatewayError("DEVICE_UNREACHABLE", message));
  }
}

import type {
  Adapter,
  AdapterContext,
  AdapterModule,
  DeviceMetrics,
  FrameDirection,
  TagWrite,
} from "../adapter-kit/adapter.ts";
import type { BusRegistry } from "../adapter-kit/bus.ts";
import type { ImageStore } from "../adapter-kit/images.ts";
import type { DeviceEvent } from "../adapter-kit/device-event.ts";
import type { Clock } from "../adapter-kit/clock.ts";
import type { LocalBroker } from "../adapter-kit/local-broker.ts";
import type { Log } from "../adapter-kit/log.ts";
import type { DeviceMapping } from "../adapter-kit/mapping.ts";
import { formatDuration, ms } from "../domain/duration.ts";
import { GatewayError, isRetryable, toGatewayError } from "../domain/errors.ts";
import type { Sample } from "../domain/reading.ts";
import type { SiteFiles } from "../adapter-kit/site-files.ts";
import type { Normaliser } from "../normalise/normaliser.ts";
import { backoff } from "./backoff.ts";
import { offline, type DeviceState } from "./device-state.ts";
import { phaseOf } from "./phase.ts";
import { settleWithin } from "./settle-within.ts";

export interface SupervisorOptions {
  readonly normaliser: Normaliser;
  readonly log: Log;
  readonly clock: Clock;
  /** In [0, 1). */
  random(): number;
  readonly metrics: DeviceMetrics;
  readonly broker: LocalBroker;
  readonly buses: BusRegistry;
  /** Its name; undefined where no gateway runs the device. */
  readonly gateway: string | undefined;
  readonly images: ImageStore;
  readonly files: SiteFiles;
  readonly watch: AdapterContext["watch"];
  /** Takes each event of the device; must not throw. */
  onEvent(event: DeviceEvent): void;
  /** Takes each raw frame, whose bytes are the adapter's again afterwards; must not throw. */
  onFrame(direction: FrameDirection, channel: string, frame: Uint8Array, more?: Uint8Array): void;
  /** Takes each new state; must not throw. */
  onState(state: DeviceState): void;
}

const firstRetryMs = 500;
const longestRetryMs = 10_000;
/** An adapter that has not settled this long after an abort is left behind, and said so. */
const abandonAfterMs = 2_000;
/** A connect that takes longer is given up, whatever the adapter's own limit. */
const longestConnectMs = 30_000;

/** An adapter that runs, and the signal that ends with its connection. */
interface LiveAdapter {
  readonly adapter: Adapter;
  readonly connection: AbortSignal;
}

/**
 * Keeps one device connected: the only place that retries, and the only one that makes the device's state. A device is
 * online when data flows, never because a socket is open.
 */
export class Supervisor {
  readonly device: DeviceMapping;
  readonly #module: AdapterModule;
  readonly #options: SupervisorOptions;
  #state: DeviceState = { state: "stopped" };
  #stopping: AbortController | undefined;
  #ended: Promise<void> = Promise.resolve();
  #adapter: LiveAdapter | undefined;
  #connection: AbortController | undefined;
  #waits: Iterator<number, never>;
  /** Monotonic ms of the last sign of life, or of the moment the wait for one began. */
  #aliveAt = 0;
  #lostSince = 0;

  constructor(device: DeviceMapping, module: AdapterModule, options: SupervisorOptions) {
    this.device = device;
    this.#module = module;
    this.#options = options;
    this.#waits = this.#backoff();
  }

  get state(): DeviceState {
    return this.#state;
  }

  /** Begins; returns at once. */
  start(): void {
    if (this.#stopping !== undefined) return;
    this.#stopping = new AbortController();
    this.#lostSince = this.#options.clock.monotonic();
    this.#enter({ state: "connecting" });
    this.#ended = this.#keepConnected(this.#stopping.signal);
  }

  /** Ends the connection; the tags go bad (`DeviceStopped`), the state is `stopped`. Idempotent. */
  async stop(): Promise<void> {
    if (this.#stopping === undefined) return;
    this.#stopping.abort();
    await this.#ended;
    this.#stopping = undefined;
    this.#options.normaliser.markAllBad("DeviceStopped");
    this.#enter({ state: "stopped" });
  }

  /**
   * Writes raw values in the order given. Rejects with DEVICE_UNREACHABLE while the device is not online (then the
   * error's context says `sent: false`), or when its connection ends meanwhile.
   */
  async write(writes: readonly TagWrite[], signal: AbortSignal): Promise<void> {
    const { adapter, connection } = this.#live();
    const work = adapter.write?.(writes, AbortSignal.any([signal, connection]));
    await this.#whileLive(work ?? this.#refuse(), connection, signal);
  }

  /** Throws what `write` would reject with now before anything is sent. */
  mayWrite(): void {
    if (this.#live().adapter.write === undefined) this.#refuse();
  }

  /** Reads tags now; undefined where the adapter can't. The samples also go the way of all samples. */
  async read(tags: readonly string[], signal: AbortSignal): Promise<readonly Sample[] | undefined> {
    const { adapter, connection } = this.#live();
    if (adapter.read === undefined) return undefined;
    const work = adapter.read(tags, AbortSignal.any([signal, connection]));
    const samples = await this.#whileLive(work, connection, signal);
    if (!connection.aborted) this.#emit(samples);
    return samples;
  }

  /** Looks for what went silent: tags past their stale limit, a device past its silence. Called a few times a second. */
  sweep(): void {
    const at = this.#options.clock.monotonic();
    const { silence } = this.device;
    if (this.#adapter !== undefined && silence !== undefined && at - this.#aliveAt > silence) {
      const error = new GatewayError(
        "DEVICE_TIMEOUT",
        `${this.device.device} has sent nothing for ${formatDuration(silence)}. Check the device and its network.`,
      );
      if (!this.#module.dialsIn(this.device)) this.#connection?.abort(error);
      else if (this.#state.state !== "offline") this.#lose(error);
      return;
    }
    if (this.#state.state === "online") this.#options.normaliser.markStale(at);
  }

  async #keepConnected(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const error = await this.#oneConnection(signal);
      if (signal.aborted) return;
      const retryInMs = isRetryable(error.code) ? this.#waits.next().value : longestRetryMs;
      this.#lose(error, retryInMs);
      await this.#options.clock.sleep(retryInMs, signal).catch(() => undefined);
    }
  }

  /** One life of an adapter, from `connect` to `close`; resolves with what ended it. */
  async #oneConnection(stopped: AbortSignal): Promise<GatewayError> {
    const connection = new AbortController();
    const signal = AbortSignal.any([stopped, connection.signal]);
    let adapter: Adapter | undefined;
    try {
      adapter = this.#module.create(this.device, this.#context(connection.signal));
      this.#connection = connection;
      await this.#connect(adapter, signal);
      this.#adapter = { adapter, connection: signal };
      this.#aliveAt = this.#options.clock.monotonic();
      await this.#untilEnded(adapter.run(signal), signal);
      throw new GatewayError("INTERNAL", `The adapter of ${this.device.device} ended by itself.`);
    } catch (caught) {
      return toGatewayError(connection.signal.aborted ? connection.signal.reason : caught);
    } finally {
      this.#adapter = undefined;
      this.#connection = undefined;
      connection.abort();
      await this.#close(adapter);
    }
  }

  async #connect(adapter: Adapter, signal: AbortSignal): Promise<void> {
    const limit = AbortSignal.timeout(longestConnectMs);
    try {
      await this.#untilEnded(
        adapter.connect(AbortSignal.any([signal, limit])),
        AbortSignal.any([signal, limit]),
      );
    } catch (caught) {
      if (!limit.aborted || signal.aborted) throw caught;
      throw new GatewayError(
        "DEVICE_TIMEOUT",
        `${this.device.device} did not connect within ${longestConnectMs / 1000}s.`,
        {
          cause: caught,
        },
      );
    }
  }

  /** Waits for the adapter, but after an abort not for ever. */
  async #untilEnded(work: Promise<void>, signal: AbortSignal): Promise<void> {
    await settleWithin(work, signal, abandonAfterMs, () => {
      this.#options.log.error(
        { device: this.device.device },
        "the adapter did not end when told to; it is left behind",
      );
    });
  }

  async #close(adapter: Adapter | undefined): Promise<void> {
    if (adapter === undefined) return;
    try {
      await this.#untilEnded(adapter.close(), AbortSignal.abort());
    } catch (caught) {
      this.#options.log.debug(
        { device: this.device.device, error: toGatewayError(caught) },
        "closing failed",
      );
    }
  }

  #context(connection: AbortSignal): AdapterContext {
    const { log, clock, metrics, broker, buses, images, files, watch, gateway } = this.#options;
    return {
      gateway,
      log,
      clock,
      metrics,
      broker,
      phase: phaseOf(this.device.device),
      // What a connection that was given up still delivers is not the device's present.
      emit: (samples) => {
        if (!connection.aborted) this.#emit(samples);
      },
      lost: (error) => {
        if (!connection.aborted) this.#lose(error);
      },
      event: (event) => {
        if (!connection.aborted) this.#options.onEvent(event);
      },
      watch,
      images,
      files,
      trace: (...frame) => this.#options.onFrame(...frame),
      bus: (key, create) => buses.lease(key, create),
    };
  }

  #emit(samples: readonly Sample[]): void {
    if (samples.some((sample) => sample.noSignOfLife !== true)) {
      this.#aliveAt = this.#options.clock.monotonic();
      if (this.#state.state !== "online") this.#found();
    }
    this.#options.normaliser.accept(samples);
  }

  #found(): void {
    const at = this.#options.clock.monotonic();
    this.#waits = this.#backoff();
    this.#options.normaliser.watchFrom(at);
    const afterMs = Math.round(at - this.#lostSince);
    this.#options.log.info({ device: this.device.device, afterMs }, "online: data flows");
    this.#enter({ state: "online" });
  }

  #lose(error: GatewayError, retryInMs?: number): void {
    const before = this.#state;
    if (before.state === "stopped") return;
    if (before.state !== "offline") {
      this.#lostSince = this.#options.clock.monotonic();
      this.#options.normaliser.markAllBad("DeviceOffline");
    }
    this.#logLoss(before, error, retryInMs);
    this.#enter(offline(error, retryInMs));
  }

  /** Once for each outage, and again only where its reason changes. */
  #logLoss(before: DeviceState, error: GatewayError, retryInMs: number | undefined): void {
    if (before.state === "offline" && before.error.code === error.code) return;
    const next =
      retryInMs === undefined
        ? "It is back as soon as it sends again."
        : `Next try in ${formatDuration(ms(retryInMs))}.`;
    const fields = {
      device: this.device.device,
      ...error.context,
      code: error.code,
      ...(retryInMs === undefined ? {} : { retryInMs }),
    };
    this.#options.log.warn(fields, `offline: ${error.message} ${next}`);
  }

  #enter(state: DeviceState): void {
    this.#state = state;
    this.#options.onState(state);
  }

  #refuse(): never {
    throw new GatewayError(
      "WRITE_REFUSED",
      `${this.device.device} can't be written to: its adapter only reads.`,
    );
  }

  #live(): LiveAdapter {
    if (this.#adapter !== undefined && this.#state.state === "online") return this.#adapter;
    throw new GatewayError("DEVICE_UNREACHABLE", `${this.device.device} is ${this.#state.state}.`, {
      context: { sent: false },
    });
  }

  /** What is under way when the connection ends is not the caller's abort, and is told as what it is. */
  async #whileLive<T>(work: Promise<T>, connection: AbortSignal, signal: AbortSignal): Promise<T> {
    try {
      return await work;
    } catch (caught) {
      if (!connection.aborted || signal.aborted) throw caught;
      throw new GatewayError(
        "DEVICE_UNREACHABLE",
        `The connection to ${this.device.device} ended meanwhile.`,
        { cause: caught },
      );
    }
  }

  #backoff(): Iterator<number, never> {
    return backoff({ initial: firstRetryMs, max: longestRetryMs, random: () => this.#options.random() });
  }
}

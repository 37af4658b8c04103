import { GatewayError } from "../domain/errors.ts";
import type { Sample } from "../domain/reading.ts";
import type { AdapterContext, DeviceMetrics, FrameDirection, WatchedReading } from "./adapter.ts";
import { BusRegistry, type Bus, type BusLease } from "./bus.ts";
import { systemClock, type Clock } from "./clock.ts";
import type { DeviceEvent } from "./device-event.ts";
import type { ImageStore } from "./images.ts";
import type { LocalBroker } from "./local-broker.ts";
import type { Log } from "./log.ts";
import type { SiteFiles } from "./site-files.ts";

export interface RecordingOptions {
  readonly phase?: number;
  readonly clock?: Clock;
  /** By default one that hears and says nothing. */
  readonly broker?: LocalBroker;
  /** Shared by the contexts of devices on one bus. */
  readonly buses?: BusRegistry;
  /** By default none is there. */
  readonly files?: Partial<SiteFiles>;
  readonly gateway?: string;
  /** By default one that is away. */
  readonly images?: ImageStore;
}

interface LogEntry {
  readonly level: keyof Log;
  readonly fields: object;
  readonly message: string;
}

const deafBroker: LocalBroker = {
  subscribe: () => () => undefined,
  publish: () => undefined,
  onClient: () => () => undefined,
};

const noImages: ImageStore = {
  put: async () => {
    throw new GatewayError("UPLINK_UNAVAILABLE", "There is no image store here.");
  },
};

const missing = async (name: string): Promise<never> => {
  throw new GatewayError("CONFIG_INVALID", `There is no ${name} here.`);
};
const noFiles: SiteFiles = { secret: missing, text: missing, folder: "/nowhere" };

/** The gateway's side of an adapter under test: keeps all that the adapter says. */
export class RecordingContext implements AdapterContext {
  readonly phase: number;
  readonly clock: Clock;
  readonly broker: LocalBroker;
  readonly log: Log;
  readonly metrics: DeviceMetrics;
  /** Every batch, as it was handed over. */
  readonly batches: (readonly Sample[])[] = [];
  /** The last sample of each tag. */
  readonly latest = new Map<string, Sample>();
  /** Answered requests by kind. */
  readonly requests = new Map<string, number>();
  /** Faults by kind. */
  readonly faults = new Map<string, number>();
  readonly logged: LogEntry[] = [];
  readonly losses: GatewayError[] = [];
  readonly events: DeviceEvent[] = [];
  readonly images: ImageStore;
  readonly files: SiteFiles;
  readonly gateway: string | undefined;
  /** Raw frames, oldest first. */
  readonly frames: {
    readonly direction: FrameDirection;
    readonly channel: string;
    readonly frame: Uint8Array;
    readonly more: Uint8Array;
    /** Monotonic ms. */
    readonly t: number;
  }[] = [];
  readonly #watchers = new Map<string, Set<(reading: WatchedReading) => void>>();
  readonly #buses: BusRegistry;

  constructor(options: RecordingOptions = {}) {
    this.phase = options.phase ?? 0;
    this.clock = options.clock ?? systemClock;
    this.broker = options.broker ?? deafBroker;
    this.gateway = options.gateway;
    this.images = options.images ?? noImages;
    this.files = { ...noFiles, ...options.files };
    this.#buses = options.buses ?? new BusRegistry();
    const record = (level: keyof Log) => (fields: object, message: string) => {
      this.logged.push({ level, fields, message });
    };
    this.log = {
      debug: record("debug"),
      info: record("info"),
      warn: record("warn"),
      error: record("error"),
    };
    this.metrics = {
      request: (kind) => void this.requests.set(kind, (this.requests.get(kind) ?? 0) + 1),
      fault: (kind) => void this.faults.set(kind, (this.faults.get(kind) ?? 0) + 1),
    };
  }

  emit(samples: readonly Sample[]): void {
    this.batches.push(samples);
    for (const sample of samples) this.latest.set(sample.tag, sample);
  }

  lost(error: GatewayError): void {
    this.losses.push(error);
  }

  event(event: DeviceEvent): void {
    this.events.push(event);
  }

  watch(tag: string, onReading: (reading: WatchedReading) => void): () => void {
    const watchers = this.#watchers.get(tag) ?? new Set();
    this.#watchers.set(tag, watchers.add(onReading));
    return () => void watchers.delete(onReading);
  }

  /** As another device's tag would: calls those who watch it; says how many there are. */
  reading(tag: string, reading: WatchedReading): number {
    const watchers = this.#watchers.get(tag) ?? new Set();
    for (const onReading of watchers) onReading(reading);
    return watchers.size;
  }

  trace(direction: FrameDirection, channel: string, frame: Uint8Array, more = new Uint8Array()): void {
    const t = this.clock.monotonic();
    this.frames.push({ direction, channel, frame: Uint8Array.from(frame), more: Uint8Array.from(more), t });
  }

  bus<B extends Bus>(key: string, create: () => B): BusLease<B> {
    return this.#buses.lease(key, create);
  }

  /** The tags whose last sample is good. */
  goodTags(): string[] {
    return [...this.latest.values()].filter(({ quality }) => quality === "good").map(({ tag }) => tag);
  }

  /** Forgets the samples so far. */
  clear(): void {
    this.batches.length = 0;
    this.latest.clear();
  }
}

import type { GatewayError } from "../domain/errors.ts";
import type { Sample } from "../domain/reading.ts";
import type { AdapterContext, DeviceMetrics } from "./adapter.ts";
import { BusRegistry, type Bus, type BusLease } from "./bus.ts";
import { systemClock, type Clock } from "./clock.ts";
import type { LocalBroker } from "./local-broker.ts";
import type { Log } from "./log.ts";

export interface RecordingOptions {
  readonly phase?: number;
  readonly clock?: Clock;
  /** By default one that hears and says nothing. */
  readonly broker?: LocalBroker;
  /** Shared by the contexts of devices on one bus. */
  readonly buses?: BusRegistry;
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
  readonly #buses: BusRegistry;

  constructor(options: RecordingOptions = {}) {
    this.phase = options.phase ?? 0;
    this.clock = options.clock ?? systemClock;
    this.broker = options.broker ?? deafBroker;
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

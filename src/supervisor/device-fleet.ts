import type { AdapterContext, AdapterModule } from "../adapter-kit/adapter.ts";
import { BusRegistry } from "../adapter-kit/bus.ts";
import type { Clock } from "../adapter-kit/clock.ts";
import type { DeviceEvent } from "../adapter-kit/device-event.ts";
import type { ImageStore } from "../adapter-kit/images.ts";
import type { LocalBroker } from "../adapter-kit/local-broker.ts";
import type { Log } from "../adapter-kit/log.ts";
import type { DeviceMapping } from "../adapter-kit/mapping.ts";
import type { SiteFiles } from "../adapter-kit/site-files.ts";
import type { Reading } from "../domain/reading.ts";
import { noReadings, Normaliser, type NormaliserCounters } from "../normalise/normaliser.ts";
import { Sequences } from "../normalise/sequences.ts";
import { DeviceTraffic } from "../observability/device-traffic.ts";
import type { DeviceState } from "./device-state.ts";
import { Supervisor } from "./supervisor.ts";

export interface FleetOptions {
  readonly site: string;
  /** The gateway's name; undefined where a command runs the devices. */
  readonly gateway: string | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** In [0, 1). */
  readonly random: () => number;
  readonly broker: LocalBroker;
  /** Takes every reading that is to be published; must not throw. */
  readonly publish: (reading: Reading) => void;
  /** Takes every new state of a device; must not throw. */
  readonly onState: (device: string, state: DeviceState) => void;
  readonly images: ImageStore;
  readonly files: SiteFiles;
  /** Calls back for each new reading of a tag of the site. */
  readonly watch: AdapterContext["watch"];
  /** Takes every event of a device; must not throw. */
  readonly onEvent: (device: string, event: DeviceEvent) => void;
  /** Takes every raw frame of a device, whose bytes are the adapter's again afterwards; must not throw. */
  readonly onFrame: (device: string, ...frame: Parameters<AdapterContext["trace"]>) => void;
  /** Told of each fault that a device's traffic counts, by kind; must not throw. */
  readonly onFault: (device: string, kind: string) => void;
  /** Told the topics of tags that no mapping has any more. */
  readonly onGone: (topics: readonly string[]) => void;
  /** Loads the protocol of a device. */
  readonly load: (adapter: string) => Promise<AdapterModule>;
}

/** One device as it runs. */
export interface RunningDevice {
  readonly mapping: DeviceMapping;
  readonly supervisor: Supervisor;
  readonly normaliser: Normaliser;
  readonly traffic: DeviceTraffic;
}

/** How often silence and staleness are looked for. */
const sweepEveryMs = 250;

/** All devices of the site: each under its own supervisor, started and stopped one by one. */
export class DeviceFleet {
  readonly #options: FleetOptions;
  readonly #running = new Map<string, RunningDevice>();
  readonly #buses = new BusRegistry();
  readonly #sequences = new Sequences();
  /** They outlive a restart of the device, so that counters never go back. */
  readonly #figures = new Map<
    string,
    { readonly traffic: DeviceTraffic; readonly counters: NormaliserCounters }
  >();
  #sweeping: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  get devices(): ReadonlyMap<string, RunningDevice> {
    return this.#running;
  }

  async start(mappings: readonly DeviceMapping[]): Promise<void> {
    await Promise.all(mappings.map((mapping) => this.put(mapping)));
    if (this.#stopped) return;
    this.#sweeping = setInterval(() => {
      for (const { supervisor } of this.#running.values()) supervisor.sweep();
    }, sweepEveryMs);
  }

  /** For good: no device starts afterwards. Idempotent. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#sweeping);
    await Promise.all([...this.#running.values()].map(({ supervisor }) => supervisor.stop()));
    this.#running.clear();
  }

  /**
   * Runs a device on its mapping, new or edited: what ran under its name before is stopped first. The tags that the
   * mapping still has go on with their sequences, the others are gone.
   */
  async put(mapping: DeviceMapping): Promise<void> {
    const module = await this.#options.load(mapping.adapter);
    const before = this.#running.get(mapping.device);
    await before?.supervisor.stop();
    if (this.#stopped) return;
    const { site, clock, log, random, broker, publish, images, files, watch } = this.#options;
    const { gateway, onState, onEvent, onFrame, onFault } = this.#options;
    const name = mapping.device;
    const figures = this.#figures.get(name) ?? {
      traffic: new DeviceTraffic((kind) => onFault(name, kind)),
      counters: noReadings(),
    };
    this.#figures.set(name, figures);
    const { traffic, counters } = figures;
    const normaliser = new Normaliser(mapping, {
      site,
      clock,
      sequences: this.#sequences,
      publish,
      counters,
    });
    if (before !== undefined) normaliser.adopt(before.normaliser);
    const supervisor = new Supervisor(mapping, module, {
      normaliser,
      log,
      clock,
      random,
      broker,
      metrics: traffic,
      buses: this.#buses,
      gateway,
      images,
      files,
      watch,
      onEvent: (event) => onEvent(name, event),
      onFrame: (...frame) => onFrame(name, ...frame),
      onState: (state) => onState(name, state),
    });
    const device = { mapping, supervisor, normaliser, traffic };
    this.#running.set(name, device);
    supervisor.start();
    if (before === undefined) return;
    const kept = new Set(topicsOf(device));
    this.#options.onGone(topicsOf(before).filter((topic) => !kept.has(topic)));
  }

  /** Stops a device for good: its tags are gone. */
  async remove(name: string): Promise<void> {
    const gone = this.#running.get(name);
    if (gone === undefined) return;
    await gone.supervisor.stop();
    this.#running.delete(name);
    this.#figures.delete(name);
    this.#options.onGone(topicsOf(gone));
  }
}

function topicsOf(device: RunningDevice): string[] {
  return [...device.normaliser.tags()].map((tag) => tag.path.topic);
}

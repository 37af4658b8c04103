import type { AdapterModule } from "../adapter-kit/adapter.ts";
import type { Clock } from "../adapter-kit/clock.ts";
import type { ImageStore } from "../adapter-kit/images.ts";
import type { LocalBroker } from "../adapter-kit/local-broker.ts";
import type { Log } from "../adapter-kit/log.ts";
import type { DeviceMapping } from "../adapter-kit/mapping.ts";
import type { SiteFiles } from "../adapter-kit/site-files.ts";
import type { SiteDiff } from "../config/site-diff.ts";
import { isolate } from "../pipeline/isolate.ts";
import { TagWatch } from "../pipeline/tag-watch.ts";
import type { SitePublisher } from "../services/live/site-publisher.ts";
import { DeviceFleet, type RunningDevice } from "../supervisor/device-fleet.ts";
import { FrameTrace } from "../trace/frame-trace.ts";
import { allDone } from "./all-done.ts";

export interface SiteDevicesOptions {
  readonly site: string;
  readonly gateway: string;
  /** For the raw frames that are kept. */
  readonly traceBytes: number;
  readonly publisher: SitePublisher;
  readonly broker: LocalBroker;
  readonly images: ImageStore;
  readonly files: SiteFiles;
  readonly load: (adapter: string) => Promise<AdapterModule>;
  readonly clock: Clock;
  readonly log: Log;
  /** In [0, 1). */
  readonly random: () => number;
}

/** The devices of the site, with their raw frames: what they say goes to the publisher. */
export class SiteDevices {
  readonly trace: FrameTrace;
  readonly #publisher: SitePublisher;
  readonly #fleet: DeviceFleet;

  constructor(options: SiteDevicesOptions) {
    const { site, traceBytes, publisher, clock, log } = options;
    const trace = new FrameTrace({ maxBytes: traceBytes, clock });
    const watch = new TagWatch(site, log);
    this.trace = trace;
    this.#publisher = publisher;
    this.#fleet = new DeviceFleet({
      ...options,
      publish: (reading) => publisher.reading(reading),
      onState: (device, state) => {
        if (state.state === "offline") trace.lost(device, state.error.code);
        publisher.state(device, state);
      },
      onEvent: (device, event) => publisher.event(device, event),
      onFrame: (device, ...frame) => trace.keep(device, ...frame),
      onFault: (device, kind) => trace.fault(device, kind),
      watch: (tag, onReading) => watch.watch(tag, onReading),
      onGone: (topics) => publisher.forget(topics),
    });
    publisher.readings$.subscribe(isolate("watch", log, ({ reading }) => watch.take(reading)));
  }

  get running(): ReadonlyMap<string, RunningDevice> {
    return this.#fleet.devices;
  }

  /** The state of each, by name. */
  get states(): Readonly<Record<string, string>> {
    return Object.fromEntries(
      [...this.running].map(([name, { supervisor }]) => [name, supervisor.state.state]),
    );
  }

  isOnline(device: string): boolean {
    return this.running.get(device)?.supervisor.state.state === "online";
  }

  /** The lines of a recording: of the device's last frames, or of an incident; undefined where there is none. */
  recording(name: string, incident?: number): readonly string[] | undefined {
    const device = this.running.get(name);
    return device === undefined ? undefined : this.trace.recording(device.mapping, incident);
  }

  async start(mappings: readonly DeviceMapping[]): Promise<void> {
    await this.#fleet.start(mappings);
  }

  /** Takes edited mappings over: only the touched devices restart, the others miss no poll. */
  async apply(mappings: readonly DeviceMapping[], { added, changed, removed }: SiteDiff): Promise<void> {
    await allDone(removed.map((device) => this.#remove(device)));
    await allDone(
      mappings
        .filter(({ device }) => changed.includes(device) || added.includes(device))
        .map((mapping) => this.#fleet.put(mapping)),
    );
  }

  /** For good. Idempotent. */
  async stop(): Promise<void> {
    await this.#fleet.stop();
    this.#publisher.stopForgetting();
  }

  async #remove(device: string): Promise<void> {
    await this.#fleet.remove(device);
    this.trace.forget(device);
    this.#publisher.removeDevice(device);
  }
}

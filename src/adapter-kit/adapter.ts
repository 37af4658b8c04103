import type { GatewayError } from "../domain/errors.ts";
import type { Quality, Sample, TagValue } from "../domain/reading.ts";
import type { BrowsedTag, BrowseOptions, Diagnosis, RegisterDecoder } from "./browse.ts";
import type { Bus, BusLease } from "./bus.ts";
import type { Clock } from "./clock.ts";
import type { DeviceEvent } from "./device-event.ts";
import type { ImageStore } from "./images.ts";
import type { LocalBroker } from "./local-broker.ts";
import type { Log } from "./log.ts";
import type { DeviceMapping } from "./mapping.ts";
import type { BusPlan } from "./plan.ts";
import type { SiteFiles } from "./site-files.ts";

/** One value to be written to one tag: raw, as the device holds it (scale and offset already undone). */
export interface TagWrite {
  readonly tag: string;
  readonly value: TagValue;
}

/**
 * One live connection to one device. It never retries: it throws, and the supervisor makes a new one.
 *
 * The constructor only assigns. A bad tag is data (a `bad` sample with a status); a lost connection is an
 * exception (a GatewayError). Every method that takes a signal settles within a second of its abort.
 */
export interface Adapter {
  /** Opens what must be open before data can flow. Rejects with DEVICE_UNREACHABLE, DEVICE_TIMEOUT, … */
  connect(signal: AbortSignal): Promise<void>;
  /** Polls or subscribes, handing samples to `context.emit`, until aborted; rejects when the connection is lost. */
  run(signal: AbortSignal): Promise<void>;
  /** Writes in the order given, ahead of all polls. Rejects with DEVICE_REJECTED where the device refuses. */
  write?(writes: readonly TagWrite[], signal: AbortSignal): Promise<void>;
  /** Reads the named tags now, ahead of all polls: one sample a tag, in the order given. */
  read?(tags: readonly string[], signal: AbortSignal): Promise<readonly Sample[]>;
  /** Looks into the device for what a mapping could name, after `connect` and instead of `run`. Read only. */
  browse?(options: BrowseOptions, signal: AbortSignal): AsyncIterable<BrowsedTag>;
  /** Finds out, by reading around them, what is wrong with tags whose samples are bad. Read only. */
  diagnose?(bad: readonly Sample[], signal: AbortSignal): Promise<readonly Diagnosis[]>;
  /** Idempotent; leaves no timer and no socket. */
  close(): Promise<void>;
}

/** Seen from the gateway. */
export type FrameDirection = "sent" | "received";

/** What a tag of this site said, for adapters that act on another device's tag. */
export interface WatchedReading {
  readonly value: TagValue | null;
  readonly quality: Quality;
  /** Milliseconds since the Unix epoch. */
  readonly timestamp: number;
}

/** What an adapter is given by the gateway: all the world it may touch beyond its own device. */
export interface AdapterContext {
  /** Already bound to the device's name. */
  readonly log: Log;
  readonly clock: Clock;
  /** In [0, 1): where in each poll interval this device's polls stand, so that devices do not poll all at once. */
  readonly phase: number;
  readonly metrics: DeviceMetrics;
  /** The gateway's own MQTT broker, for devices that connect to it. */
  readonly broker: LocalBroker;
  /** Takes decoded samples in; any sample is a sign of life of the device. Never throws, never blocks. */
  emit(samples: readonly Sample[]): void;
  /** For devices that dial in: the device is known to be gone (last will, disconnect). Data brings it back. */
  lost(error: GatewayError): void;
  /** Publishes an event of the device. Never throws, never blocks. */
  event(event: DeviceEvent): void;
  /** Calls back for each new reading of a tag of this site, such as `press-1/cycle/done`; returns the way to stop. */
  watch(tag: string, onReading: (reading: WatchedReading) => void): () => void;
  /** Where images go. */
  readonly images: ImageStore;
  /** The gateway's name; undefined where a command looks at a device by itself. */
  readonly gateway: string | undefined;
  /** What a mapping names beside itself: secrets, certificates. */
  readonly files: SiteFiles;
  /**
   * Keeps a raw frame for `record` and for looking at a fault afterwards: as it stood on the wire, or, where the wire is
   * encrypted, the message within. Copies the bytes; cheap. `channel` says which of several, such as a topic or a URL.
   * `more` is the rest of a large frame, such as of an image: a recording keeps it, a running gateway only how long it is.
   */
  trace(direction: FrameDirection, channel: string, frame: Uint8Array, more?: Uint8Array): void;
  /** A connection shared by all devices that name the same key; opened by the first, closed with the last. */
  bus<B extends Bus>(key: string, create: () => B): BusLease<B>;
}

/** Figures of one device's traffic; they outlive the connection. */
export interface DeviceMetrics {
  /** One answered request: its kind (such as `readHoldingRegisters`) and round trip in ms. */
  request(kind: string, roundTripMs: number): void;
  /** One thing that went wrong, by kind: `timeout`, `exception-2`, `framing`, `late`, `overrun`, … */
  fault(kind: string): void;
}

/** The running half of a protocol, loaded only where a site uses it. Its schema stands in a file of its own. */
export interface AdapterModule<Connection = unknown, Options = unknown, TagOptions = unknown> {
  readonly name: string;
  /** True where the device connects to the gateway: silence marks it offline, but nothing is torn down. */
  dialsIn(device: DeviceMapping<Connection, Options, TagOptions>): boolean;
  /** True where its devices talk to the gateway's own MQTT broker. */
  readonly usesBroker?: true;
  create(device: DeviceMapping<Connection, Options, TagOptions>, context: AdapterContext): Adapter;
  /** What would be sent to the devices' buses; no I/O. */
  plan?(devices: readonly DeviceMapping<Connection, Options, TagOptions>[]): readonly BusPlan[];
  /** What was found by `browse` as lines for people; absent: a line each. No I/O. */
  listing?(found: readonly BrowsedTag[]): readonly string[];
  /** Good samples whose values can hardly be meant, with what else they may be; no I/O. */
  doubts?(
    device: DeviceMapping<Connection, Options, TagOptions>,
    samples: readonly Sample[],
  ): readonly Diagnosis[];
  /** Raw registers in every type and order. */
  readonly registers?: RegisterDecoder;
}

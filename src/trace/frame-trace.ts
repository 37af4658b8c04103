import type { FrameDirection } from "../adapter-kit/adapter.ts";
import type { Clock } from "../adapter-kit/clock.ts";
import type { DeviceMapping } from "../adapter-kit/mapping.ts";
import { frameLine, headerLine } from "./frame.ts";
import { FrameRing, framesOf } from "./frame-ring.ts";

export interface TraceOptions {
  /** For everything together: half for the last frames of all devices, half for incidents; 0: nothing is kept. */
  readonly maxBytes: number;
  readonly clock: Clock;
}

/** Frames that were set aside because something went wrong. */
export interface Incident {
  /** Counts from 1 over the gateway's life. */
  readonly number: number;
  readonly device: string;
  /** `exception-2`, `timeout, offline DEVICE_TIMEOUT`. */
  readonly reason: string;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  readonly records: Buffer;
}

interface Pending {
  readonly reason: string;
  readonly at: number;
  /** Monotonic ms. */
  readonly due: number;
}

const mostIncidents = 8;
/** What follows the fault belongs to it. */
const afterMs = 2_000;
/** A device that flaps sets one incident aside in this time, so that it does not push the others out. */
const quietMs = 60_000;

/** The raw frames of a running gateway: the last ones of every device, and those around the last faults. */
export class FrameTrace {
  readonly #clock: Clock;
  readonly #ring: FrameRing | undefined;
  readonly #incidentBytes: number;
  readonly #pending = new Map<string, Pending>();
  /** Monotonic ms of each device's last fault that was taken, and of its last loss. */
  readonly #faulted = new Map<string, number>();
  readonly #losses = new Map<string, number>();
  #incidents: Incident[] = [];
  #count = 0;

  constructor({ maxBytes, clock }: TraceOptions) {
    this.#clock = clock;
    const slabBytes = Math.min(16_384, Math.max(1_024, Math.floor(maxBytes / 128)));
    this.#incidentBytes = Math.floor(maxBytes / 2 / mostIncidents);
    const slabs = Math.floor(maxBytes / 2 / slabBytes);
    this.#ring = slabs === 0 ? undefined : new FrameRing({ slabBytes, slabs });
  }

  /** The hot path: copies the frame, of `more` only the length. Never throws. */
  keep(
    device: string,
    direction: FrameDirection,
    channel: string,
    frame: Uint8Array,
    more?: Uint8Array,
  ): void {
    if (this.#ring === undefined) return;
    const now = this.#clock.monotonic();
    if (this.#pending.size > 0) this.#settle(now);
    this.#ring.keep(device, direction, channel, frame, now, frame.length + (more?.length ?? 0));
  }

  /** One of a device's faults was counted: its frames are set aside, with what follows within two seconds. */
  fault(device: string, kind: string): void {
    // A poll that came late is the gateway's doing; no frame tells more of it.
    if (kind !== "overrun") this.#setAside(device, kind, this.#faulted);
  }

  /** The same for a device that was lost, whatever was counted shortly before. */
  lost(device: string, code: string): void {
    this.#setAside(device, `offline ${code}`, this.#losses);
  }

  /** The device is gone for good. */
  forget(device: string): void {
    this.#ring?.forget(device);
    this.#pending.delete(device);
    this.#faulted.delete(device);
    this.#losses.delete(device);
  }

  /** What can be asked for, as one line of JSON. */
  summary(): string {
    this.#settle(Number.POSITIVE_INFINITY);
    const devices = (this.#ring?.devices() ?? []).map((device) => {
      const records = this.#ring?.copy(device) ?? Buffer.alloc(0);
      return { device, ...figures(records, this.#epochOffset()) };
    });
    const incidents = this.#incidents.map(({ records, ...incident }) => ({
      ...incident,
      ...figures(records, this.#epochOffset()),
    }));
    return JSON.stringify({ devices, incidents });
  }

  /** A recording of a device, line by line: of its last frames, or of an incident's; undefined where there is none. */
  recording(mapping: DeviceMapping, number?: number): readonly string[] | undefined {
    this.#settle(Number.POSITIVE_INFINITY);
    const { device, adapter } = mapping;
    const incident = this.#incidents.find((one) => one.number === number && one.device === device);
    if (number !== undefined && incident === undefined) return undefined;
    const frames = [...framesOf(incident?.records ?? this.#ring?.copy(device) ?? Buffer.alloc(0))];
    const start = frames[0]?.t ?? this.#clock.monotonic();
    const header = headerLine({
      linegate: "frames",
      version: 1,
      device,
      adapter,
      startedAt: Math.round(this.#epochOffset() + start),
      mapping,
      ...(incident === undefined
        ? {}
        : { incident: { number: incident.number, reason: incident.reason, at: incident.at } }),
    });
    const lines = frames.map(({ t, direction, channel, bytes, length }) =>
      frameLine(t - start, direction, channel, bytes, length),
    );
    return [header, ...lines];
  }

  /** What monotonic 0 is since the Unix epoch. */
  #epochOffset(): number {
    return this.#clock.now() - this.#clock.monotonic();
  }

  #setAside(device: string, reason: string, taken: Map<string, number>): void {
    if (this.#ring === undefined) return;
    const now = this.#clock.monotonic();
    const last = taken.get(device);
    if (last !== undefined && now - last < quietMs) return;
    taken.set(device, now);
    const before = this.#pending.get(device);
    // What follows within the two seconds is the same incident.
    if (before === undefined)
      this.#pending.set(device, { reason, at: this.#clock.now(), due: now + afterMs });
    else this.#pending.set(device, { ...before, reason: `${before.reason}, ${reason}` });
  }

  #settle(now: number): void {
    for (const [device, { reason, at, due }] of this.#pending) {
      if (due > now) continue;
      this.#pending.delete(device);
      const records = this.#ring?.copy(device, this.#incidentBytes) ?? Buffer.alloc(0);
      if (records.length === 0) continue;
      this.#count += 1;
      this.#makeRoom();
      this.#incidents.push({ number: this.#count, device, reason, at, records });
    }
  }

  /** The oldest incident of the device that has the most goes. */
  #makeRoom(): void {
    if (this.#incidents.length < mostIncidents) return;
    const counts = Map.groupBy(this.#incidents, ({ device }) => device);
    const most = [...counts.values()].reduce((one, other) => (other.length > one.length ? other : one));
    this.#incidents = this.#incidents.filter((incident) => incident !== most[0]);
  }
}

function figures(records: Buffer, offset: number): { frames: number; from?: number; to?: number } {
  let frames = 0;
  let from: number | undefined;
  let to = 0;
  for (const { t } of framesOf(records)) {
    frames += 1;
    from ??= t;
    to = t;
  }
  return from === undefined
    ? { frames }
    : { frames, from: Math.round(from + offset), to: Math.round(to + offset) };
}

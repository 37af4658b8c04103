import type { FrameDirection } from "../adapter-kit/adapter.ts";
import type { Frame } from "./frame.ts";

/**
 * Layout of a record: time (f64), the frame's own length (u32), bytes kept (u16), channel's bytes (u16), the device's
 * number (u32), direction (u8).
 */
const headBytes = 21;
const atLength = 8;
const atKept = 12;
const atChannel = 14;
const atDevice = 16;
const atDirection = 20;

/** A piece of the memory, with whole records one behind the other. */
interface Slab {
  readonly buffer: Buffer;
  used: number;
  /** When its first record was written. */
  since: number;
}

/** Slabs, the oldest first, of one device; of several where there are many. */
interface Lane {
  readonly slabs: Slab[];
  devices: number;
}

interface TracedDevice {
  /** Never given twice: what is left of a device that is gone is nobody's. */
  readonly number: number;
  readonly lane: Lane;
  /** The channel of the last frame, encoded: most devices have one. */
  channel: string;
  encoded: Buffer;
}

const none = Buffer.alloc(0);

export interface RingOptions {
  readonly slabBytes: number;
  /** The memory is at most so many slabs; each is taken when it is first needed. */
  readonly slabs: number;
}

/**
 * The last raw frames of every device in a bounded memory. Frames are copied into slabs. Where there is no slab left,
 * the lane that has the most of them gives its oldest up: a talkative device costs a quiet one nothing, unless there are
 * more devices than half the slabs, when they share lanes. Nothing is allocated for a frame.
 */
export class FrameRing {
  readonly #options: RingOptions;
  readonly #devices = new Map<string, TracedDevice>();
  readonly #lanes: readonly Lane[];
  #made = 0;
  #numbers = 0;

  constructor(options: RingOptions) {
    this.#options = options;
    const lanes = Math.max(1, options.slabs >> 1);
    this.#lanes = Array.from({ length: lanes }, () => ({ slabs: [], devices: 0 }));
  }

  /**
   * Copies the frame; of one longer than a slab its beginning. `t` in ms on the caller's own clock. `length` is the frame's
   * own, where not all of it is given.
   */
  keep(
    device: string,
    direction: FrameDirection,
    channel: string,
    frame: Uint8Array,
    t: number,
    length = frame.length,
  ): void {
    const own = this.#devices.get(device) ?? this.#add(device);
    if (own.channel !== channel) {
      own.channel = channel;
      own.encoded = Buffer.from(channel).subarray(0, this.#options.slabBytes >> 2);
    }
    const { encoded, lane } = own;
    const kept = Math.min(frame.length, this.#options.slabBytes - headBytes - encoded.length);
    const size = headBytes + encoded.length + kept;
    let slab = lane.slabs.at(-1);
    if (slab === undefined || slab.used + size > slab.buffer.length) {
      slab = this.#take(t);
      lane.slabs.push(slab);
    }
    const { buffer, used } = slab;
    buffer.writeDoubleLE(t, used);
    buffer.writeUInt32LE(length, used + atLength);
    buffer.writeUInt16LE(kept, used + atKept);
    buffer.writeUInt16LE(encoded.length, used + atChannel);
    buffer.writeUInt32LE(own.number, used + atDevice);
    buffer[used + atDirection] = direction === "sent" ? 1 : 0;
    buffer.set(encoded, used + headBytes);
    buffer.set(kept === frame.length ? frame : frame.subarray(0, kept), used + headBytes + encoded.length);
    slab.used = used + size;
  }

  /** Every device that had a frame. */
  devices(): readonly string[] {
    return [...this.#devices.keys()];
  }

  /** A copy of what is kept of a device, of the newest at most so many bytes; read it with `framesOf`. */
  copy(device: string, most = Number.POSITIVE_INFINITY): Buffer {
    const own = this.#devices.get(device);
    const records: Buffer[] = [];
    for (const { buffer, used } of own?.lane.slabs ?? []) {
      for (const record of recordsIn(buffer.subarray(0, used))) {
        if (record.readUInt32LE(atDevice) === own?.number) records.push(record);
      }
    }
    let first = records.length;
    let bytes = 0;
    while (first > 0) {
      bytes += records[first - 1]?.length ?? 0;
      if (bytes > most) break;
      first -= 1;
    }
    return Buffer.concat(records.slice(first));
  }

  /** The device is gone, and what is left of it. */
  forget(device: string): void {
    const own = this.#devices.get(device);
    if (own !== undefined) own.lane.devices -= 1;
    this.#devices.delete(device);
  }

  #add(device: string): TracedDevice {
    const lane = this.#lanes.reduce((one, other) => (other.devices < one.devices ? other : one));
    lane.devices += 1;
    this.#numbers += 1;
    const own = { number: this.#numbers, lane, channel: "", encoded: none };
    this.#devices.set(device, own);
    return own;
  }

  #take(t: number): Slab {
    const slab = this.#made < this.#options.slabs ? this.#make() : (this.#oldestOfRichest() ?? this.#make());
    slab.used = 0;
    slab.since = t;
    return slab;
  }

  #make(): Slab {
    this.#made += 1;
    // Not out of Node's shared pool, which a long-lived slice would hold as a whole.
    return { buffer: Buffer.allocUnsafeSlow(this.#options.slabBytes), used: 0, since: 0 };
  }

  #oldestOfRichest(): Slab | undefined {
    let richest: Slab[] = [];
    for (const { slabs } of this.#lanes) {
      const more = slabs.length - richest.length;
      if (more > 0 || (more === 0 && (slabs[0]?.since ?? 0) < (richest[0]?.since ?? 0))) richest = slabs;
    }
    return richest.shift();
  }
}

/** The records one behind the other. */
function* recordsIn(records: Buffer): Generator<Buffer> {
  for (let at = 0; at < records.length;) {
    const end = at + headBytes + records.readUInt16LE(at + atChannel) + records.readUInt16LE(at + atKept);
    yield records.subarray(at, end);
    at = end;
  }
}

/** The frames in what `copy` gave; their times as they were kept. */
export function* framesOf(records: Buffer): Generator<Frame> {
  for (const record of recordsIn(records)) {
    const channelEnd = headBytes + record.readUInt16LE(atChannel);
    const length = record.readUInt32LE(atLength);
    const bytes = record.subarray(channelEnd);
    yield {
      t: record.readDoubleLE(0),
      direction: record[atDirection] === 1 ? "sent" : "received",
      channel: record.toString("utf8", headBytes, channelEnd),
      bytes,
      ...(length > bytes.length ? { length } : {}),
    };
  }
}

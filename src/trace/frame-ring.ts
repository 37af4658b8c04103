import type { FrameDirection } from "../adapter-kit/adapter.ts";
import type { Frame } from "./frame.ts";

/** Layout of a record: time (f64), the frame's own length (u32), bytes kept (u16), channel's bytes (u16), direction (u8). */
const headBytes = 17;
const atLength = 8;
const atKept = 12;
const atChannel = 14;
const atDirection = 16;

/** A piece of the memory, with whole records one behind the other. */
interface Slab {
  readonly buffer: Buffer;
  used: number;
  /** When its first record was written. */
  since: number;
}

/** One device's slabs, the oldest first. */
interface DeviceFrames {
  readonly slabs: Slab[];
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
 * The last raw frames of every device in a bounded memory. Frames are copied into slabs; where there is no slab left,
 * the device that has the most of them gives its oldest up, so that a talkative device costs a quiet one nothing.
 * Nothing is allocated for a frame.
 */
export class FrameRing {
  readonly #options: RingOptions;
  readonly #devices = new Map<string, DeviceFrames>();
  readonly #free: Slab[] = [];
  #made = 0;

  constructor(options: RingOptions) {
    this.#options = options;
  }

  /** Copies the frame; of one longer than a slab its beginning. `t` in ms on the caller's own clock. */
  keep(device: string, direction: FrameDirection, channel: string, frame: Uint8Array, t: number): void {
    const own = this.#devices.get(device) ?? this.#add(device);
    if (own.channel !== channel) {
      own.channel = channel;
      own.encoded = Buffer.from(channel).subarray(0, this.#options.slabBytes >> 2);
    }
    const { encoded } = own;
    const room = this.#options.slabBytes - headBytes - encoded.length;
    const kept = Math.min(frame.length, room);
    const size = headBytes + encoded.length + kept;
    let slab = own.slabs.at(-1);
    if (slab === undefined || slab.used + size > slab.buffer.length) {
      slab = this.#take(t);
      own.slabs.push(slab);
    }
    const { buffer, used } = slab;
    buffer.writeDoubleLE(t, used);
    buffer.writeUInt32LE(frame.length, used + atLength);
    buffer.writeUInt16LE(kept, used + atKept);
    buffer.writeUInt16LE(encoded.length, used + atChannel);
    buffer[used + atDirection] = direction === "sent" ? 1 : 0;
    buffer.set(encoded, used + headBytes);
    buffer.set(kept === frame.length ? frame : frame.subarray(0, kept), used + headBytes + encoded.length);
    slab.used = used + size;
  }

  /** The devices that have frames. */
  devices(): readonly string[] {
    return [...this.#devices].filter(([, { slabs }]) => slabs.length > 0).map(([device]) => device);
  }

  /** A copy of what is kept of a device, the newest `most` bytes at least, whole slabs; read it with `framesOf`. */
  copy(device: string, most = Number.POSITIVE_INFINITY): Buffer {
    const slabs = this.#devices.get(device)?.slabs ?? [];
    let first = slabs.length;
    for (let bytes = 0; first > 0 && bytes < most; first -= 1) bytes += slabs[first - 1]?.used ?? 0;
    return Buffer.concat(slabs.slice(first).map(({ buffer, used }) => buffer.subarray(0, used)));
  }

  /** The device is gone: its memory is for the others. */
  forget(device: string): void {
    this.#free.push(...(this.#devices.get(device)?.slabs ?? []));
    this.#devices.delete(device);
  }

  #add(device: string): DeviceFrames {
    const own = { slabs: [], channel: "", encoded: none };
    this.#devices.set(device, own);
    return own;
  }

  #take(t: number): Slab {
    const slab = this.#free.pop() ?? this.#make() ?? this.#takeAway();
    slab.used = 0;
    slab.since = t;
    return slab;
  }

  #make(): Slab | undefined {
    if (this.#made >= this.#options.slabs) return undefined;
    this.#made += 1;
    // Not out of Node's shared pool, which a long-lived slice would hold as a whole.
    return { buffer: Buffer.allocUnsafeSlow(this.#options.slabBytes), used: 0, since: 0 };
  }

  /** The oldest slab of the device that has the most. */
  #takeAway(): Slab {
    let richest: Slab[] = [];
    for (const { slabs } of this.#devices.values()) {
      const more = slabs.length - richest.length;
      if (more > 0 || (more === 0 && (slabs[0]?.since ?? 0) < (richest[0]?.since ?? 0))) richest = slabs;
    }
    // With no slab left somebody has one; a slab of its own keeps the compiler and a ring of no slabs content.
    return richest.shift() ?? { buffer: Buffer.allocUnsafeSlow(this.#options.slabBytes), used: 0, since: 0 };
  }
}

/** The frames in what `copy` gave; their times as they were kept. */
export function* framesOf(records: Buffer): Generator<Frame> {
  for (let at = 0; at < records.length;) {
    const kept = records.readUInt16LE(at + atKept);
    const channelEnd = at + headBytes + records.readUInt16LE(at + atChannel);
    const length = records.readUInt32LE(at + atLength);
    yield {
      t: records.readDoubleLE(at),
      direction: records[at + atDirection] === 1 ? "sent" : "received",
      channel: records.toString("utf8", at + headBytes, channelEnd),
      bytes: records.subarray(channelEnd, channelEnd + kept),
      ...(length > kept ? { length } : {}),
    };
    at = channelEnd + kept;
  }
}

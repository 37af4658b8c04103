import { GatewayError } from "../domain/errors.ts";

/** What a client sent that is no MQTT, or too large. */
function refused(reason: "packetSize" | "protocol", message: string): GatewayError {
  return new GatewayError("PROTOCOL_VIOLATION", message, { context: { reason } });
}

/** Types of MQTT control packets that a client may send, by number. MQTT 3.1.1 table 2.1. */
const fromClients: ReadonlySet<number> = new Set([1, 3, 4, 5, 6, 7, 8, 10, 12, 14]);
const connect = 1;

export interface PacketSizes {
  /** Bytes of a CONNECT. */
  readonly connectBytes: number;
  /** Bytes of any other packet. */
  readonly packetBytes: number;
}

/**
 * Follows the boundaries of MQTT packets in a stream of bytes without keeping any of it: a packet that is too large is
 * refused on its length, before anything buffers it (MQTT 3.1.1 §2.2.3 allows 256 MB).
 */
export class PacketScanner {
  readonly #sizes: PacketSizes;
  /** Bytes of the current packet still to come after its fixed header. */
  #body = 0;
  /** The current packet's type while its length is read; 0 between packets. */
  #type = 0;
  #length = 0;
  #shift = 0;
  #connected = false;

  constructor(sizes: PacketSizes) {
    this.#sizes = sizes;
  }

  /**
   * Walks on over the chunk from `from`, asking `admit` at the start of each packet. Returns the chunk's length, or
   * the offset of the first packet that was not admitted. Throws PROTOCOL_VIOLATION, its
   * `reason` being `packetSize` or `protocol`.
   */
  scan(chunk: Buffer, from: number, admit: (type: number) => boolean): number {
    let at = from;
    while (at < chunk.length) {
      if (this.#body > 0) {
        const step = Math.min(this.#body, chunk.length - at);
        this.#body -= step;
        at += step;
      } else if (this.#type === 0) {
        const type = (chunk[at] ?? 0) >> 4;
        this.#checkType(type);
        if (!admit(type)) return at;
        this.#type = type;
        this.#length = 0;
        this.#shift = 0;
        at += 1;
      } else {
        this.#takeLength(chunk[at] ?? 0);
        at += 1;
      }
    }
    return at;
  }

  #checkType(type: number): void {
    if (!fromClients.has(type)) {
      throw refused("protocol", `a packet of type ${type} is not for clients to send`);
    }
    // MQTT 3.1.1 §3.1: the first packet is a CONNECT, and the only one.
    if ((type === connect) === this.#connected) {
      throw refused("protocol", this.#connected ? "a second CONNECT" : "no CONNECT came first");
    }
    this.#connected = true;
  }

  #takeLength(byte: number): void {
    this.#length += (byte & 127) * 2 ** this.#shift;
    this.#shift += 7;
    const most = this.#type === connect ? this.#sizes.connectBytes : this.#sizes.packetBytes;
    if (this.#length > most) {
      throw refused("packetSize", `a packet of ${this.#length} bytes or more; ${most} are allowed`);
    }
    if ((byte & 128) === 0) {
      this.#body = this.#length;
      this.#type = 0;
    } else if (this.#shift >= 28) {
      throw refused("protocol", "a length of more than four bytes");
    }
  }
}

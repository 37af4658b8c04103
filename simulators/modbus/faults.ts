/** One request as it came in. */
export interface SimulatedRequest {
  /** Counts from 1 over the simulator's life. */
  readonly number: number;
  /** Which connection it came on, counted from 1. */
  readonly connection: number;
  readonly transactionId: number;
  readonly unit: number;
  readonly functionCode: number;
  /** The first address; -1 where the request has none. */
  readonly address: number;
  /** Registers or bits asked for; the value of FC 5 and 6. */
  readonly quantity: number;
  /** The PDU: function code and data. */
  readonly pdu: Buffer;
}

/** What may go wrong with one answer. */
export type Fault =
  /** Answers after `ms`. */
  | { readonly kind: "delay"; readonly ms: number }
  /** Carries out the request, and never answers. */
  | { readonly kind: "drop" }
  /** Answers with an exception, and carries nothing out. */
  | { readonly kind: "exception"; readonly code: number }
  /** Sends these bytes in place of an answer. */
  | { readonly kind: "junk"; readonly bytes?: Buffer }
  /** Sends the answer in pieces of `size` bytes, `gapMs` apart. */
  | { readonly kind: "split"; readonly size?: number; readonly gapMs?: number }
  /** The length field is right, the last `bytes` bytes never come. */
  | { readonly kind: "truncated"; readonly bytes?: number }
  /** The length field is `by` off, the bytes are all there. */
  | { readonly kind: "wrong-length"; readonly by?: number }
  /** Data cut by `bytes`, with a length field and a byte count that fit the cut. */
  | { readonly kind: "short"; readonly bytes?: number }
  | { readonly kind: "wrong-transaction" }
  | { readonly kind: "wrong-protocol" }
  | { readonly kind: "wrong-unit" }
  | { readonly kind: "wrong-function" }
  | { readonly kind: "wrong-byte-count" }
  /** Keeps the answer back until the next request of the connection has come, then sends it first. */
  | { readonly kind: "late" }
  /** Answers twice. */
  | { readonly kind: "duplicate" }
  /** Closes the connection in place of an answer. */
  | { readonly kind: "close" };

/** Which requests a fault touches. All that is given must hold. */
export interface FaultScope {
  readonly unit?: number;
  readonly functionCode?: number;
  when?(request: SimulatedRequest): boolean;
  /** After so many requests it is over. */
  readonly times?: number;
}

interface Injected {
  readonly fault: Fault;
  readonly scope: FaultScope;
  left: number;
}

/** The faults in force, in the order of their injection; the first that fits a request touches it. */
export class FaultList {
  readonly #injected = new Set<Injected>();

  /** Returns the way to take the fault back. */
  add(fault: Fault, scope: FaultScope): () => void {
    const injected: Injected = { fault, scope, left: scope.times ?? Number.POSITIVE_INFINITY };
    this.#injected.add(injected);
    return () => this.#injected.delete(injected);
  }

  clear(): void {
    this.#injected.clear();
  }

  take(request: SimulatedRequest): Fault | undefined {
    for (const injected of this.#injected) {
      const { scope } = injected;
      if (scope.unit !== undefined && scope.unit !== request.unit) continue;
      if (scope.functionCode !== undefined && scope.functionCode !== request.functionCode) continue;
      if (scope.when?.(request) === false) continue;
      injected.left -= 1;
      if (injected.left <= 0) this.#injected.delete(injected);
      return injected.fault;
    }
    return undefined;
  }
}

/** The frame of an answer with one field spoilt; faults of time and silence leave it whole. */
export function spoil(frame: Buffer, fault: Fault | undefined): Buffer {
  const bytes = Buffer.from(frame);
  switch (fault?.kind) {
    case "junk":
      return fault.bytes ?? Buffer.from("!junk! this is no Modbus frame at all");
    case "truncated":
      return bytes.subarray(0, Math.max(0, bytes.length - (fault.bytes ?? 1)));
    case "wrong-length":
      bytes.writeUInt16BE((bytes.readUInt16BE(4) + (fault.by ?? 1)) & 0xffff, 4);
      return bytes;
    case "short":
      return shorten(bytes, fault.bytes ?? 2);
    case "wrong-transaction":
      bytes.writeUInt16BE((bytes.readUInt16BE(0) + 0x1234) & 0xffff, 0);
      return bytes;
    case "wrong-protocol":
      bytes.writeUInt16BE(1, 2);
      return bytes;
    case "wrong-unit":
      bytes[6] = ((bytes[6] ?? 0) + 1) & 0xff;
      return bytes;
    case "wrong-function":
      bytes[7] = (bytes[7] ?? 0) === 3 ? 4 : 3;
      return bytes;
    case "wrong-byte-count":
      bytes[8] = ((bytes[8] ?? 0) + 2) & 0xff;
      return bytes;
    case "delay":
    case "drop":
    case "exception":
    case "split":
    case "late":
    case "duplicate":
    case "close":
    case undefined:
      return bytes;
  }
}

function shorten(frame: Buffer, by: number): Buffer {
  const cut = Buffer.from(frame.subarray(0, Math.max(9, frame.length - by)));
  cut.writeUInt16BE(cut.length - 6, 4);
  cut[8] = cut.length - 9;
  return cut;
}

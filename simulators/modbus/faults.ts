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
  /** As if the unit were switched off: does nothing, and never answers. */
  | { readonly kind: "dead" }
  /** Gives the request back before the answer, as an RS-485 adapter does that hears itself. */
  | { readonly kind: "echo" }
  /** Sends one character every `characterMs`. */
  | { readonly kind: "slow"; readonly characterMs?: number }
  /** On a serial line: the CRC or LRC does not fit. */
  | { readonly kind: "bad-crc" }
  /** Answers with an exception, and carries nothing out. */
  | { readonly kind: "exception"; readonly code: number }
  /** Sends these bytes in place of an answer. */
  | { readonly kind: "junk"; readonly bytes?: Buffer }
  /** Sends the answer in pieces of `size` bytes, `gapMs` apart. */
  | { readonly kind: "split"; readonly size?: number; readonly gapMs?: number }
  /** The last `bytes` bytes never come; on TCP the length field counts them. */
  | { readonly kind: "truncated"; readonly bytes?: number }
  /** On TCP: the length field is `by` off, the bytes are all there. */
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

/** Unit id and PDU of an answer with one field spoilt; faults of the frame, of time and of silence leave them whole. */
export function spoil(adu: Buffer, fault: Fault | undefined): Buffer {
  const bytes = Buffer.from(adu);
  if (fault?.kind === "short") return shorten(bytes, fault.bytes ?? 2);
  if (fault?.kind === "wrong-unit") bytes[0] = ((bytes[0] ?? 0) + 1) & 0xff;
  if (fault?.kind === "wrong-function") bytes[1] = (bytes[1] ?? 0) === 3 ? 4 : 3;
  if (fault?.kind === "wrong-byte-count") bytes[2] = ((bytes[2] ?? 0) + 2) & 0xff;
  return bytes;
}

/** The bytes that go out for a frame. */
export function spoilFrame(frame: Buffer, fault: Fault | undefined): Buffer {
  if (fault?.kind === "junk") return fault.bytes ?? Buffer.from("!junk! this is no Modbus frame at all");
  if (fault?.kind === "truncated") return frame.subarray(0, Math.max(0, frame.length - (fault.bytes ?? 1)));
  return frame;
}

function shorten(adu: Buffer, by: number): Buffer {
  const cut = Buffer.from(adu.subarray(0, Math.max(3, adu.length - by)));
  cut[2] = cut.length - 3;
  return cut;
}

import { exceptionPdu } from "./pdu.ts";
import type { RecordedExchange } from "./recorded-exchanges.ts";

const illegalAddress = 2;

/** One answered read. */
interface Seen {
  readonly t: number;
  readonly start: number;
  readonly quantity: number;
  /** What follows the byte count. */
  readonly data: Buffer;
}

interface Memory {
  readonly seen: Seen[];
  readonly addresses: Set<number>;
}

/** What a recording tells of a device: the same request has the same answer, another read what others read there. */
export class RecordedMemory {
  readonly durationMs: number;
  readonly #byRequest: ReadonlyMap<string, readonly RecordedExchange[]>;
  readonly #memories = new Map<string, Memory>();

  constructor(exchanges: readonly RecordedExchange[]) {
    this.durationMs = Math.max(1, ...exchanges.slice(-1).map(({ t, delayMs }) => t + delayMs));
    this.#byRequest = Map.groupBy(exchanges, ({ unit, request }) => keyOf(unit, request));
    for (const exchange of exchanges) this.#learn(exchange);
  }

  /** The answer nearest to that time, and how long it took; no response where the device gave none. */
  answer(unit: number, request: Buffer, t: number): Pick<RecordedExchange, "response" | "delayMs"> {
    const same = this.#byRequest.get(keyOf(unit, request));
    if (same !== undefined) return nearest(same, t);
    return { response: this.#compose(unit, request, t), delayMs: 0 };
  }

  #learn({ t, unit, request, response }: RecordedExchange): void {
    const code = request[0] ?? 0;
    if (code < 1 || code > 4 || request.length < 5 || response === undefined || response[0] !== code) return;
    const key = `${unit}/${code}`;
    const memory = this.#memories.get(key) ?? { seen: [], addresses: new Set<number>() };
    this.#memories.set(key, memory);
    const start = request.readUInt16BE(1);
    const quantity = request.readUInt16BE(3);
    memory.seen.push({ t, start, quantity, data: response.subarray(2) });
    for (let offset = 0; offset < quantity; offset += 1) memory.addresses.add(start + offset);
  }

  /** A read that was never asked so: put together from those that were, each address as it was nearest to that time. */
  #compose(unit: number, request: Buffer, t: number): Buffer {
    const code = request[0] ?? 0;
    const memory = this.#memories.get(`${unit}/${code}`);
    if (memory === undefined || request.length < 5) return exceptionPdu(code, illegalAddress);
    const start = request.readUInt16BE(1);
    const wanted = new Set(Array.from({ length: request.readUInt16BE(3) }, (_, offset) => start + offset));
    if (
      wanted.size === 0 ||
      wanted.size > 2_000 ||
      ![...wanted].every((address) => memory.addresses.has(address))
    ) {
      return exceptionPdu(code, illegalAddress);
    }
    const bits = code <= 2;
    const data = Buffer.alloc(bits ? Math.ceil(wanted.size / 8) : 2 * wanted.size);
    for (const seen of outward(memory.seen, t)) {
      for (let offset = 0; offset < seen.quantity; offset += 1) {
        if (!wanted.delete(seen.start + offset)) continue;
        put(data, seen.start + offset - start, seen.data, offset, bits);
      }
      if (wanted.size === 0) break;
    }
    return Buffer.concat([Buffer.of(code, data.length), data]);
  }
}

function keyOf(unit: number, request: Buffer): string {
  return `${unit} ${request.toString("hex")}`;
}

function put(to: Buffer, at: number, from: Buffer, offset: number, bits: boolean): void {
  if (!bits) {
    from.copy(to, 2 * at, 2 * offset, 2 * offset + 2);
    return;
  }
  const bit = ((from[offset >> 3] ?? 0) >> (offset & 7)) & 1;
  to[at >> 3] = (to[at >> 3] ?? 0) | (bit << (at & 7));
}

/** Where an entry of that time would stand. */
function placeOf(sorted: readonly { readonly t: number }[], t: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle]?.t ?? 0) < t) low = middle + 1;
    else high = middle;
  }
  return low;
}

function nearest(
  sorted: readonly RecordedExchange[],
  t: number,
): Pick<RecordedExchange, "response" | "delayMs"> {
  const [first] = outward(sorted, t);
  return first ?? { response: undefined, delayMs: 0 };
}

/** From the one nearest in time to the farthest. */
function* outward<T extends { readonly t: number }>(sorted: readonly T[], t: number): Generator<T> {
  let after = placeOf(sorted, t);
  let before = after - 1;
  for (;;) {
    const later = sorted[after];
    const earlier = sorted[before];
    if (later !== undefined && (earlier === undefined || later.t - t <= t - earlier.t)) {
      yield later;
      after += 1;
    } else if (earlier !== undefined) {
      yield earlier;
      before -= 1;
    } else return;
  }
}

import type { DeviceMetrics } from "../adapter-kit/adapter.ts";
import { Histogram, roundTripMs } from "./histogram.ts";

/** More kinds than this are counted together, so that a device can't grow the page without bound. */
const mostKinds = 64;

function count(counts: Map<string, number>, kind: string): void {
  const known = counts.has(kind) || counts.size < mostKinds ? kind : "other";
  counts.set(known, (counts.get(known) ?? 0) + 1);
}

/** The figures of one device's traffic; they live as long as the gateway, whatever its connections do. */
export class DeviceTraffic implements DeviceMetrics {
  readonly requests = new Map<string, number>();
  readonly faults = new Map<string, number>();
  readonly roundTrip = new Histogram(roundTripMs);
  readonly #onFault: (kind: string) => void;

  constructor(onFault: (kind: string) => void = () => undefined) {
    this.#onFault = onFault;
  }

  request(kind: string, tookMs: number): void {
    count(this.requests, kind);
    this.roundTrip.observe(tookMs);
  }

  fault(kind: string): void {
    count(this.faults, kind);
    this.#onFault(kind);
  }
}

import type { FrameDirection, GatewayError } from "../../src/adapter-kit/index.ts";
import type { WireMetric } from "./payload.ts";
import type { KnownMetric, Scope } from "./scope.ts";

/** One value of one metric, as a message brought it. */
export interface Update {
  readonly known: KnownMetric;
  readonly metric: WireMetric;
  /** Milliseconds since the Unix epoch: the metric's own time, or that of its payload. */
  readonly timestamp: number | undefined;
}

/** Somebody who is told what happens to an edge node itself (`device` undefined) or to one of its devices. */
export interface NodeListener {
  readonly device: string | undefined;
  /** A birth certificate came; `retained` where it is an old one that the broker kept. */
  born(scope: Scope, retained: boolean): void;
  /** New values. */
  changed(updates: readonly Update[]): void;
  /** Values that the node kept back while it was cut off: they are not the present. */
  history(updates: readonly Update[]): void;
  /** Messages are lost: what was said last may no longer be so. */
  unsure(): void;
  /** Data came that nobody can read, for want of a birth certificate. */
  unborn(): void;
  dead(why: string): void;
  /** Its birth certificate can't be right: PROTOCOL_VIOLATION. */
  unsound(error: GatewayError): void;
  fault(kind: string): void;
  frame(direction: FrameDirection, topic: string, payload: Uint8Array): void;
}

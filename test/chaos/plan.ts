import { seededRandom, type Random } from "../../simulators/line/random.ts";

/** What may go wrong, and for how long it stays so, in ms: from the one to the other. */
const durations = {
  "gateway killed": [0, 2_000],
  "gateway stopped": [500, 3_000],
  "nats-server killed": [0, 0],
  "nats-server stopped": [500, 6_000],
  "hub node killed": [0, 3_000],
  "hub node stopped": [500, 5_000],
  "link cut": [200, 4_000],
  "link swallows": [500, 4_000],
  "link slow": [1_000, 4_000],
  "disk full": [500, 4_000],
  "power cut": [0, 1_000],
  "clock steps": [0, 3_000],
} as const;

export type FaultKind = keyof typeof durations;

export const faultKinds = Object.keys(durations) as readonly FaultKind[];

export interface Fault {
  readonly kind: FaultKind;
  /** After the round's beginning, in ms. */
  readonly at: number;
  /** How long it stays, in ms. */
  readonly lasts: number;
  /** Of several alike, such as the hub's nodes, which one: a number in [0, 1). */
  readonly which: number;
}

const mostFaults = 3;
const withinMs = 2_500;

/** The faults of a round, one to three, in the order in which they begin: the same for the same seed. */
export function planRound(seed: number, round: number, kinds: readonly FaultKind[]): readonly Fault[] {
  const random = seededRandom(seed * 7_919 + round);
  const count = 1 + Math.floor(random() * mostFaults);
  const faults = Array.from({ length: count }, () => fault(random, kinds));
  return faults.toSorted((one, other) => one.at - other.at);
}

function fault(random: Random, kinds: readonly FaultKind[]): Fault {
  const kind = kinds[Math.floor(random() * kinds.length)] ?? "gateway killed";
  const [least, most] = durations[kind];
  return {
    kind,
    at: Math.round(random() * withinMs),
    lasts: Math.round(least + random() * (most - least)),
    which: random(),
  };
}

/** As it is told: `at 1.2 s gateway killed for 0.5 s`. */
export function describeFault({ kind, at, lasts }: Fault): string {
  return `at ${(at / 1_000).toFixed(1)} s ${kind} for ${(lasts / 1_000).toFixed(1)} s`;
}

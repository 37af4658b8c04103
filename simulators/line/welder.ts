import { follow, noise, type Random } from "./random.ts";

export type WelderPhase = "waiting" | "clamping" | "welding" | "releasing";

/** A spot welder with its robot: several spots a part. */
export interface WelderState {
  readonly phase: WelderPhase;
  /** Seconds in this phase. */
  readonly inPhase: number;
  /** kA through the electrodes. */
  readonly current: number;
  /** V between the electrodes. */
  readonly voltage: number;
  /** kN. */
  readonly force: number;
  /** Spots since the start of the controller's counter: uint32. */
  readonly welds: number;
  /** Parts finished: uint64. */
  readonly parts: bigint;
  /** Percent of the electrode used up; the caps are dressed at 100. */
  readonly wear: number;
  /** l/min. */
  readonly coolingFlow: number;
  /** °C of the water that comes back. */
  readonly coolingTemperature: number;
  /** The part in the clamps, or the last one. */
  readonly partId: string;
  /** Spots left on this part. */
  readonly spotsLeft: number;
  /** kW now. */
  readonly power: number;
}

export interface WelderInput {
  /** The part that waits before the clamps. */
  readonly nextPart: string | undefined;
  /** False while the AGV's place behind the welder is full. */
  readonly roomForPart: boolean;
  /** kA asked for. */
  readonly currentSetpoint: number;
}

export interface WelderStep {
  readonly state: WelderState;
  /** True where the waiting part was taken in this step. */
  readonly took: boolean;
  /** True where a part was finished in this step. */
  readonly finished: boolean;
}

export const spotsPerPart = 4;
const phaseSeconds = { clamping: 0.4, welding: 0.32, releasing: 0.4 };

export const newWelder: WelderState = {
  phase: "waiting",
  inPhase: 0,
  current: 0,
  voltage: 0,
  force: 0,
  welds: 51_870,
  parts: 12_967n,
  wear: 37,
  coolingFlow: 8.2,
  coolingTemperature: 24,
  partId: "",
  spotsLeft: 0,
  power: 0.4,
};

/** The welder after `seconds` more. */
export function stepWelder(
  welder: WelderState,
  input: WelderInput,
  seconds: number,
  random: Random,
): WelderStep {
  const inPhase = welder.inPhase + seconds;
  const took = welder.phase === "waiting" && input.nextPart !== undefined && input.roomForPart;
  const next = took ? { phase: "clamping" as const, spotsLeft: spotsPerPart } : advance(welder, inPhase);
  const changed = next.phase !== welder.phase || next.spotsLeft !== welder.spotsLeft;
  const welded = welder.phase === "welding" && changed;
  const finished = welder.phase === "releasing" && next.phase === "waiting";
  const hot = next.phase === "welding";
  // A worn electrode has a wider face: less resistance, and the controller needs more current for the same spot.
  const current = hot ? input.currentSetpoint * (1 + welder.wear / 1_000) + noise(random, 0.12) : 0;
  const wear = welder.wear >= 100 ? 0 : welder.wear + (welded ? 0.05 : 0);
  return {
    took,
    finished,
    state: {
      phase: next.phase,
      inPhase: changed ? 0 : inPhase,
      current: Math.max(0, current),
      voltage: hot ? 1.1 + current * 0.16 - welder.wear * 0.003 + noise(random, 0.03) : 0,
      force: follow(welder.force, next.phase === "waiting" ? 0 : 3.4, seconds, 0.08),
      welds: welded ? (welder.welds + 1) % 2 ** 32 : welder.welds,
      parts: finished ? welder.parts + 1n : welder.parts,
      wear,
      coolingFlow: follow(welder.coolingFlow, 8.2 + noise(random, 0.6), seconds, 2),
      coolingTemperature: follow(welder.coolingTemperature, hot ? 46 : 23, seconds, 25),
      partId: took ? (input.nextPart ?? "") : welder.partId,
      spotsLeft: next.spotsLeft,
      power: follow(welder.power, hot ? 92 : 0.6, seconds, 0.1),
    },
  };
}

function advance(welder: WelderState, inPhase: number): Pick<WelderState, "phase" | "spotsLeft"> {
  const { phase, spotsLeft } = welder;
  if (phase === "waiting" || inPhase < phaseSeconds[phase]) return { phase, spotsLeft };
  switch (phase) {
    case "clamping":
      return { phase: "welding", spotsLeft };
    case "welding":
      return spotsLeft > 1
        ? { phase: "clamping", spotsLeft: spotsLeft - 1 }
        : { phase: "releasing", spotsLeft: 0 };
    case "releasing":
      return { phase: "waiting", spotsLeft: 0 };
  }
}

import { newAgv, sendAgv, stepAgv, type AgvState, type AgvStop } from "./agv.ts";
import { inspect, newInspection, type InspectionState } from "./inspection.ts";
import { newMeter, stepMeter, type MeterState } from "./meter.ts";
import { newPress, ratedSpeed, stepPress, type PressState } from "./press.ts";
import type { Random } from "./random.ts";
import { newWelder, stepWelder, type WelderState } from "./welder.ts";

/** The whole line at one moment. Press → welder → camera → AGV, with a few places for parts between them. */
export interface LineState {
  readonly press: PressState;
  readonly welder: WelderState;
  readonly inspection: InspectionState;
  readonly agv: AgvState;
  readonly meters: readonly MeterState[];
  /** Parts that wait before the welder, the oldest first. */
  readonly beforeWelder: readonly string[];
  /** Finished parts that wait for the AGV. */
  readonly behindWelder: number;
  /** Parts made since the start, for their ids. */
  readonly made: number;
}

/** What the outside asks of the line. */
export interface LineInput {
  /** rpm of the press's motor. */
  readonly motorSetpoint: number;
  readonly enabled: boolean;
  /** kA. */
  readonly weldCurrent: number;
  /** The AGV stands where it is. */
  readonly agvPaused?: boolean;
  /** Where the AGV is sent, in place of its usual round. */
  readonly agvGoal?: AgvStop | undefined;
}

export const defaultInput: LineInput = { motorSetpoint: ratedSpeed, enabled: true, weldCurrent: 8.6 };

const placesBeforeWelder = 2;
/** More than the AGV takes at once, so that the line runs on during its round. */
const placesBehindWelder = 32;

export const newLine: LineState = {
  press: newPress,
  welder: newWelder,
  inspection: newInspection,
  agv: newAgv,
  meters: [newMeter(48_213_507), newMeter(9_120_884)],
  beforeWelder: [],
  behindWelder: 9,
  made: 0,
};

/** The line after `seconds` more. Pure: the same state, input and random numbers give the same line. */
export function stepLine(line: LineState, input: LineInput, seconds: number, random: Random): LineState {
  const roomBefore = line.beforeWelder.length < placesBeforeWelder;
  const pressInput = { setpoint: input.motorSetpoint, enabled: input.enabled, roomForPart: roomBefore };
  const press = stepPress(line.press, pressInput, seconds, random);
  const made = line.made + (press.sinceDone === 0 ? 1 : 0);
  const waiting = made > line.made ? [...line.beforeWelder, partId(made)] : line.beforeWelder;

  const welded = stepWelder(
    line.welder,
    {
      nextPart: waiting[0],
      roomForPart: line.behindWelder < placesBehindWelder,
      currentSetpoint: input.weldCurrent,
    },
    seconds,
    random,
  );
  const ready = line.behindWelder + (welded.finished ? 1 : 0);
  const sent = input.agvGoal === undefined ? line.agv : sendAgv(line.agv, input.agvGoal);
  const agv =
    input.agvPaused === true
      ? { state: { ...sent, speed: 0, paused: true }, taken: 0 }
      : stepAgv({ ...sent, paused: false }, ready, seconds, random);
  const loads = [press.power, welded.state.power];
  return {
    press,
    welder: welded.state,
    inspection: welded.finished ? inspect(line.inspection, welded.state, random) : line.inspection,
    agv: agv.state,
    meters: line.meters.map((meter, index) => stepMeter(meter, loads[index] ?? 0, seconds, random)),
    beforeWelder: welded.took ? waiting.slice(1) : waiting,
    behindWelder: ready - agv.taken,
    made,
  };
}

function partId(number: number): string {
  return `P-${String(number).padStart(6, "0")}`;
}

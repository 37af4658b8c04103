import { follow, noise, type Random } from "./random.ts";

export type PressPhase = "idle" | "closing" | "pressing" | "opening";

/** A hydraulic press for sheet metal. Lengths in mm, pressures in bar, temperatures in °C. */
export interface PressState {
  readonly phase: PressPhase;
  /** Seconds in this phase, at the pace of the motor. */
  readonly inPhase: number;
  /** 0 is closed, `stroke` is open. */
  readonly position: number;
  readonly pressure: number;
  readonly oilTemperature: number;
  /** Percent. It falls slowly, and is filled up at 60. */
  readonly oilLevel: number;
  readonly dieTemperature: number;
  /** rpm of the pump's motor; follows the setpoint. */
  readonly motorSpeed: number;
  /** Ampere. */
  readonly motorCurrent: number;
  /** Since the press was built: uint32. */
  readonly strokes: number;
  /** Seconds of the last whole cycle. */
  readonly cycleTime: number;
  readonly sinceCycleStart: number;
  /** Seconds since the last cycle was done: the pulse `cycle/done` stands while this is short. */
  readonly sinceDone: number;
  /** kW drawn now. */
  readonly power: number;
  /** The relief valve sticks: the pump pushes against it, harder the faster it runs. */
  readonly reliefStuck: boolean;
  /** Seconds since the valve stuck or came free; a slow pump frees it so many times sooner. */
  readonly sinceRelief: number;
}

export interface PressInput {
  /** rpm asked for. */
  readonly setpoint: number;
  /** False stops the press at the end of its cycle. */
  readonly enabled: boolean;
  /** False while the next station has no room for the part. */
  readonly roomForPart: boolean;
}

export const ratedSpeed = 1_200;
/** Seconds that the signal `cycle/done` stands: longer than a poll of 50 ms, shorter than a cycle. */
export const donePulse = 0.3;
const stroke = 320;
const formingPressure = 182;
/** bar that the pump builds up at the rated speed against a valve that sticks. */
const blockedPressure = 214;
/** Seconds from a valve that came free to one that sticks, and back at full speed. */
const reliefSticksAfter = 240;
const reliefFreesAfter = 80;
/** Below this pace of the pump the valve comes free so many times sooner. */
const slowPace = 0.7;
const slowFrees = 10;
/** Seconds after the start at which the valve sticks for the first time. */
const firstSurge = 15;
/** Seconds of each phase at the rated speed. */
const phaseSeconds: Readonly<Record<PressPhase, number>> = {
  idle: 0.8,
  closing: 1.1,
  pressing: 0.7,
  opening: 1,
};
const nextPhase: Readonly<Record<PressPhase, PressPhase>> = {
  idle: "closing",
  closing: "pressing",
  pressing: "opening",
  opening: "idle",
};

export const newPress: PressState = {
  phase: "idle",
  inPhase: 0,
  position: stroke,
  pressure: 12,
  oilTemperature: 41,
  oilLevel: 92,
  dieTemperature: 68,
  motorSpeed: ratedSpeed,
  motorCurrent: 9,
  strokes: 184_203,
  cycleTime: 3.6,
  sinceCycleStart: 0,
  sinceDone: 10,
  power: 4,
  reliefStuck: false,
  sinceRelief: reliefSticksAfter - firstSurge,
};

/** The press after `seconds` more. Steps are expected to be short against a phase: 50 ms or so. */
export function stepPress(press: PressState, input: PressInput, seconds: number, random: Random): PressState {
  const motorSpeed = follow(press.motorSpeed, input.setpoint, seconds, 1.5);
  const pace = motorSpeed / ratedSpeed;
  const held = press.phase === "idle" && !(input.enabled && input.roomForPart);
  const inPhase = held ? 0 : press.inPhase + seconds * pace;
  const ended = inPhase >= phaseSeconds[press.phase];
  const phase = ended ? nextPhase[press.phase] : press.phase;
  const done = ended && phase === "idle";
  const progress = ended ? 0 : inPhase / phaseSeconds[phase];
  const load = phase === "pressing" ? 1 : phase === "closing" ? 0.3 : phase === "opening" ? 0.25 : 0.08;
  const sinceCycleStart = press.sinceCycleStart + seconds;
  const relief = stepRelief(press, pace, seconds);
  const blocked = relief.reliefStuck ? blockedPressure * pace : 0;
  return {
    ...relief,
    phase,
    inPhase: ended ? 0 : inPhase,
    position: positionAt(phase, progress),
    pressure: Math.max(0, Math.max(blocked, pressureAt(phase, progress)) + noise(random, 0.8)),
    oilTemperature: follow(press.oilTemperature, 38 + 26 * pace * load, seconds, 240) + noise(random, 0.01),
    oilLevel: press.oilLevel < 60 ? 95 : press.oilLevel - seconds * pace * 0.004,
    dieTemperature: follow(press.dieTemperature, 60 + 90 * pace * load, seconds, 90) + noise(random, 0.02),
    motorSpeed,
    motorCurrent: Math.max(0, pace * (7 + 31 * load) + noise(random, 0.3)),
    strokes: done ? (press.strokes + 1) % 2 ** 32 : press.strokes,
    cycleTime: done ? sinceCycleStart : press.cycleTime,
    sinceCycleStart: done ? 0 : sinceCycleStart,
    sinceDone: done ? 0 : press.sinceDone + seconds,
    power: follow(press.power, pace * (3 + 42 * load), seconds, 0.4),
  };
}

/** The relief valve sticks now and then. It comes free by itself, or soon where somebody slows the press. */
function stepRelief(
  { reliefStuck, sinceRelief }: Pick<PressState, "reliefStuck" | "sinceRelief">,
  pace: number,
  seconds: number,
): Pick<PressState, "reliefStuck" | "sinceRelief"> {
  const since = sinceRelief + seconds * (reliefStuck && pace < slowPace ? slowFrees : 1);
  const turned = since >= (reliefStuck ? reliefFreesAfter : reliefSticksAfter);
  return turned ? { reliefStuck: !reliefStuck, sinceRelief: 0 } : { reliefStuck, sinceRelief: since };
}

/** The ram's way is a cosine: slow at both ends. It stands on the part while pressing. */
function positionAt(phase: PressPhase, progress: number): number {
  const eased = (1 - Math.cos(Math.PI * progress)) / 2;
  switch (phase) {
    case "idle":
      return stroke;
    case "closing":
      return stroke * (1 - eased);
    case "pressing":
      return 0;
    case "opening":
      return stroke * eased;
  }
}

function pressureAt(phase: PressPhase, progress: number): number {
  switch (phase) {
    case "idle":
      return 12;
    case "closing":
      return 18 + 14 * progress;
    case "pressing":
      return 32 + (formingPressure - 32) * Math.sqrt(Math.sin(Math.PI * progress));
    case "opening":
      return 26 - 14 * progress;
  }
}

import { follow, noise, type Random } from "./random.ts";

/** Where the AGV stops. */
export type AgvStop = "weld-out" | "store" | "charger";

interface Point {
  readonly x: number;
  readonly y: number;
}

/** In m, in the plant's coordinates. */
const stops: Readonly<Record<AgvStop, Point>> = {
  "weld-out": { x: 12.4, y: 3.1 },
  store: { x: 41, y: 18.6 },
  charger: { x: 27.5, y: 1.2 },
};

export const agvStops = Object.keys(stops) as readonly AgvStop[];

export function isAgvStop(text: string): text is AgvStop {
  return Object.hasOwn(stops, text);
}

/** An automated guided vehicle between the welder and the store. */
export interface AgvState {
  readonly task: "driving" | "waiting" | "unloading" | "charging";
  /** Where it drives to, or stands. */
  readonly stop: AgvStop;
  readonly lastStop: AgvStop;
  readonly x: number;
  readonly y: number;
  /** Radians. */
  readonly theta: number;
  /** m/s. */
  readonly speed: number;
  /** Percent. */
  readonly charge: number;
  /** Parts on board. */
  readonly load: number;
  /** Seconds left of unloading. */
  readonly unloading: number;
  /** Parts delivered since the start. */
  readonly delivered: number;
  /** m driven since it was built. */
  readonly odometer: number;
  /** It stands where it is until it may go on. */
  readonly paused: boolean;
}

export interface AgvStep {
  readonly state: AgvState;
  /** Parts taken from the place behind the welder in this step. */
  readonly taken: number;
}

/** Parts that it carries at most, and waits for. */
export const agvCapacity = 20;
const topSpeed = 1.6;
/** m before the stop where it brakes. */
const brakingWay = 2.5;
const lowCharge = 25;
const enoughCharge = 80;

export const newAgv: AgvState = {
  task: "driving",
  stop: "weld-out",
  lastStop: "store",
  ...stops.store,
  theta: 0,
  speed: 0,
  charge: 78,
  load: 0,
  unloading: 0,
  delivered: 0,
  odometer: 48_210,
  paused: false,
};

/** The AGV after `seconds` more. `ready` parts stand behind the welder. */
export function stepAgv(agv: AgvState, ready: number, seconds: number, random: Random): AgvStep {
  const charge = Math.max(0, agv.charge - seconds * (agv.task === "driving" ? 0.035 : 0.004));
  const drained = { ...agv, charge };
  switch (agv.task) {
    case "driving":
      return { state: drive(drained, seconds, random), taken: 0 };
    case "waiting":
      return wait(drained, ready);
    case "unloading": {
      if (agv.unloading > seconds)
        return { state: { ...drained, unloading: agv.unloading - seconds }, taken: 0 };
      const empty = { ...drained, unloading: 0, delivered: agv.delivered + agv.load, load: 0 };
      return { state: leave(empty, charge < lowCharge ? "charger" : "weld-out"), taken: 0 };
    }
    case "charging": {
      const charging = { ...agv, charge: Math.min(100, agv.charge + seconds * 1.2) };
      return { state: charging.charge < enoughCharge ? charging : leave(charging, "weld-out"), taken: 0 };
    }
  }
}

/** Sent somewhere in place of its usual round; one that stands there already stays. */
export function sendAgv(agv: AgvState, stop: AgvStop): AgvState {
  return agv.stop === stop ? agv : { ...leave(agv, stop), unloading: 0 };
}

function leave(agv: AgvState, stop: AgvStop): AgvState {
  return { ...agv, task: "driving", lastStop: agv.stop, stop };
}

function wait(agv: AgvState, ready: number): AgvStep {
  const taken = Math.min(ready, agvCapacity - agv.load);
  const loaded = { ...agv, load: agv.load + taken };
  if (loaded.load < agvCapacity) return { state: loaded, taken };
  return { state: leave(loaded, "store"), taken };
}

function drive(agv: AgvState, seconds: number, random: Random): AgvState {
  const goal = stops[agv.stop];
  const away = Math.hypot(goal.x - agv.x, goal.y - agv.y);
  const wanted = Math.max(0.15, topSpeed * Math.min(1, away / brakingWay));
  const speed = Math.max(0, follow(agv.speed, wanted, seconds, 0.6) + noise(random, 0.01));
  const way = Math.min(away, speed * seconds);
  const odometer = agv.odometer + way;
  if (away - way < 0.01) return arrive({ ...agv, ...goal, speed: 0, odometer });
  const theta = Math.atan2(goal.y - agv.y, goal.x - agv.x);
  const x = agv.x + (way * (goal.x - agv.x)) / away;
  const y = agv.y + (way * (goal.y - agv.y)) / away;
  return { ...agv, x, y, theta, speed, odometer };
}

function arrive(agv: AgvState): AgvState {
  const here = { ...agv, lastStop: agv.stop };
  switch (agv.stop) {
    case "weld-out":
      return { ...here, task: "waiting" };
    case "store":
      return { ...here, task: "unloading", unloading: 4 };
    case "charger":
      return { ...here, task: "charging" };
  }
}

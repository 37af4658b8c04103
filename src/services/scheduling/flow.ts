import type { StationConfig } from "../../config/line.ts";
import { plainText } from "../../domain/reading.ts";
import { holds } from "./condition.ts";
import { finishedPart } from "./finished-part.ts";
import { nextParts, partsWith, type Taken } from "./queue.ts";
import type { Cycle, Token } from "./state.ts";
import type { Fields, Turn } from "./turn.ts";

/** More parts than this before a station are not kept: something stands still for good. */
const mostWaiting = 500;

/** Lets every station begin that can: idle, not held, ready, what it writes to in reach, its parts before it. */
export function advance(turn: Turn): void {
  for (const config of turn.configs) {
    const state = turn.of(config.name);
    if (state.held !== null || !turn.reaches(config.name)) continue;
    if (state.cycle?.waitsForDevices === true) sendAgain(turn, config, state.cycle);
    if (state.phase !== "idle") continue;
    const taken = nextParts(config, state);
    if (taken === undefined || !config.ready.every((condition) => holds(condition, turn.facts))) continue;
    take(turn, config, taken);
  }
}

/** What a restart left open goes out once more. */
function sendAgain(turn: Turn, { name }: StationConfig, cycle: Cycle): void {
  turn.put(name, { cycle: { ...cycle, waitsForDevices: false } });
  const effect = turn.of(name).outbox.find(({ id }) => id === cycle.prepareId);
  if (effect !== undefined) turn.again(effect);
}

/** The station went on before it could be told once more: it is not told any more. */
function letGo(turn: Turn, name: string): void {
  const { cycle, outbox } = turn.of(name);
  if (cycle?.waitsForDevices !== true) return;
  const others = outbox.filter(({ id }) => id !== cycle.prepareId);
  turn.put(name, { cycle: { ...cycle, waitsForDevices: false }, outbox: others });
  turn.tell(name, "missed", {
    part: cycle.part,
    cycle: cycle.number,
    reason: "overtaken",
    message: `The gateway ended while it told ${name} to prepare; ${name} went on before it could be told again.`,
  });
}

/** Begins whatever the conditions say: with the part of this id where it waits, else with what waits, else with one of this id. */
export function begin(turn: Turn, config: StationConfig, part: string | undefined, by: string): void {
  const state = turn.of(config.name);
  const named = part === undefined ? undefined : partsWith(config, state.waiting, part);
  const taken = named ?? nextParts(config, state);
  if (taken !== undefined) return take(turn, config, taken, { by });
  const id = part ?? makeId(turn, config.name);
  const made = part === undefined ? ({ made: true } as const) : {};
  prepare(turn, config, { part: id, parts: [id], from: "manual", ...made }, { by });
}

function take(turn: Turn, config: StationConfig, { tokens, waiting }: Taken, fields: Fields = {}): void {
  const [{ from, token }] = tokens;
  turn.put(config.name, { waiting });
  const made = token.made === true ? ({ made: true } as const) : {};
  const parts = tokens.map((one) => one.token.part);
  prepare(turn, config, { part: token.part, parts, from, taken: tokens, ...made }, fields);
  checkRoom(turn, config.name);
}

type Begun = Pick<Cycle, "part" | "parts" | "from" | "taken" | "made">;

function prepare(turn: Turn, { name }: StationConfig, begun: Begun, fields: Fields): void {
  const { part, parts, from } = begun;
  const number = turn.of(name).cycles + 1;
  turn.put(name, { cycles: number });
  const joined = parts.length > 1 ? { parts } : {};
  const prepareId = turn.tell(name, "prepare", { part, cycle: number, from, ...joined, ...fields });
  const cycle: Cycle = { ...begun, number, prepareId, readAt: turn.readAt, ...notSent };
  turn.put(name, { phase: "preparing", cycle });
}

const notSent = { sentAt: null, sentSteady: null, deadline: null } as const;

/** Tells the station again to prepare for the part that it missed. */
export function beginAgain(turn: Turn, { name }: StationConfig, cycle: Cycle, by: string): void {
  const { number, part, from } = cycle;
  const prepareId = turn.tell(name, "prepare", { part, cycle: number, from, by, repeated: true });
  turn.put(name, {
    phase: "preparing",
    cycle: { ...cycle, prepareId, readAt: turn.readAt, ...notSent },
  });
}

/** The station is prepared: it works on its part, or has passed it on where nothing tells its completion. */
export function goOn(turn: Turn, config: StationConfig): void {
  letGo(turn, config.name);
  if (config.complete !== undefined) turn.put(config.name, { phase: "working" });
  else complete(turn, config, {});
}

/**
 * One part is finished: it leaves the station for those behind it.
 * @param id what somebody says that it is; null: not what the station's own tag says now
 */
export function complete(turn: Turn, config: StationConfig, fields: Fields, id?: string | null): void {
  const { name } = config;
  letGo(turn, name);
  const state = turn.of(name);
  const told = id === undefined ? heldId(turn, config) : (id ?? undefined);
  const { passed, made, waiting, remembered, ...finished } = finishedPart(config, state, told);
  const part = finished.part ?? makeId(turn, name);
  turn.put(name, { phase: "idle", cycle: null, waiting, ...(remembered && { remembered }) });
  turn.tell(name, "complete", { part, cycle: state.cycle?.number, ...fields, ...finished.fields });
  for (const gone of passed) {
    turn.tell(name, "missed", {
      part: gone,
      reason: "passed",
      message: `${name} was told twice to prepare for ${gone}, and finished another part each time: ${gone} is not followed any more.`,
    });
  }
  for (const next of turn.plan.behind.get(name) ?? [])
    arrive(turn, next.name, name, { part, ...(made ? { made } : {}) });
  if (waiting !== state.waiting) checkRoom(turn, name);
}

/** The id in the station's own tag, where the mapping names one and it can be read. */
function heldId(turn: Turn, { part }: StationConfig): string | undefined {
  const value = part === undefined ? undefined : turn.facts.get(part);
  const text = value === undefined || value === null ? "" : plainText(value).trim();
  return text === "" ? undefined : text;
}

function makeId(turn: Turn, station: string): string {
  const made = turn.of(station).made + 1;
  turn.put(station, { made });
  return `${station}-${made}`;
}

function arrive(turn: Turn, station: string, from: string, token: Omit<Token, "order">): void {
  const { waiting, arrived } = turn.of(station);
  const order = arrived + 1;
  const queue = [...(waiting[from] ?? []), { ...token, order }];
  const dropped = queue.length > mostWaiting ? queue.shift() : undefined;
  turn.put(station, { arrived: order, waiting: { ...waiting, [from]: queue } });
  if (dropped !== undefined) {
    turn.tell(station, "missed", {
      part: dropped.part,
      reason: "overflow",
      message: `${mostWaiting} parts wait before ${station}; the oldest is not followed any more.`,
    });
  }
  checkRoom(turn, station);
}

/** Tells the stations before one that they are blocked by it, and when they no longer are. */
export function checkRoom(turn: Turn, station: string): void {
  const config = turn.plan.stations.get(station);
  for (const from of config?.after?.stations ?? []) {
    const waiting = turn.of(station).waiting[from]?.length ?? 0;
    const { blockedBy } = turn.of(from);
    const blocked = config?.buffer !== undefined && waiting > config.buffer;
    if (blocked === blockedBy.includes(station)) continue;
    const others = blockedBy.filter((name) => name !== station);
    turn.put(from, { blockedBy: blocked ? [...others, station] : others });
    turn.tell(from, "blocked", { blocked, by: station, waiting, buffer: config?.buffer });
  }
}

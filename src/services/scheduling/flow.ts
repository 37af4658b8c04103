import type { StationConfig } from "../../config/line.ts";
import { plainText } from "../../domain/reading.ts";
import { holds } from "./condition.ts";
import type { Cycle, StationState, Token } from "./state.ts";
import type { Fields, Turn } from "./turn.ts";

/** More parts than this before a station are not kept: something stands still for good. */
const mostWaiting = 500;

/** Parts that a station takes together, with the station that the part goes on as comes from. */
interface Taken {
  readonly from: string;
  readonly parts: readonly string[];
  readonly waiting: StationState["waiting"];
}

/** The parts that the station would take now; undefined where one that it needs is not there. */
function nextParts({ after }: StationConfig, { waiting }: StationState): Taken | undefined {
  if (after === undefined) return undefined;
  const first = after.stations.flatMap((from): [string, Token][] => {
    const token = waiting[from]?.[0];
    return token === undefined ? [] : [[from, token]];
  });
  const oldest = [...first].sort(([, left], [, right]) => left.order - right.order)[0];
  const chosen = after.mode === "all" ? first : oldest === undefined ? [] : [oldest];
  const [from] = chosen[0] ?? [];
  if (from === undefined || (after.mode === "all" && first.length < after.stations.length)) return undefined;
  const left = { ...waiting };
  for (const [name] of chosen) left[name] = (waiting[name] ?? []).slice(1);
  return { from, parts: chosen.map(([, { part }]) => part), waiting: left };
}

/** Lets every station begin that can: idle, not held, ready, what it writes to in reach, its parts before it. */
export function advance(turn: Turn): void {
  for (const config of turn.configs) {
    const state = turn.of(config.name);
    if (!turn.reaches(config.name)) continue;
    if (state.cycle?.waitsForDevices === true) sendAgain(turn, config, state.cycle);
    if (state.phase !== "idle" || state.held !== null) continue;
    const taken = nextParts(config, state);
    if (taken === undefined || !config.ready.every((condition) => holds(condition, turn.facts))) continue;
    take(turn, config, taken, {});
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

/** Begins whatever the conditions say: with the parts that wait, else with one of this id. */
export function begin(turn: Turn, config: StationConfig, part: string | undefined, by: string): void {
  const state = turn.of(config.name);
  const taken = part === undefined ? nextParts(config, state) : undefined;
  const made = { from: "manual", waiting: state.waiting };
  take(turn, config, taken ?? { ...made, parts: [part ?? makeId(turn, config.name)] }, { by });
}

function take(turn: Turn, { name }: StationConfig, { from, parts, waiting }: Taken, fields: Fields): void {
  const [part = ""] = parts;
  const number = turn.of(name).cycles + 1;
  turn.put(name, { cycles: number, waiting });
  const joined = parts.length > 1 ? { parts } : {};
  const prepareId = turn.tell(name, "prepare", { part, cycle: number, from, ...joined, ...fields });
  const cycle: Cycle = {
    number,
    part,
    parts,
    from,
    prepareId,
    readAt: turn.readAt,
    sentAt: null,
    deadline: null,
  };
  turn.put(name, { phase: "preparing", cycle });
  checkRoom(turn, name);
}

/** Tells the station again to prepare for the part that it missed. */
export function beginAgain(turn: Turn, { name }: StationConfig, cycle: Cycle, by: string): void {
  const { number, part, from } = cycle;
  const prepareId = turn.tell(name, "prepare", { part, cycle: number, from, by, repeated: true });
  turn.put(name, {
    phase: "preparing",
    cycle: { ...cycle, prepareId, readAt: turn.readAt, sentAt: null, deadline: null },
  });
}

/** The station is prepared: it works on its part, or has passed it on where nothing tells its completion. */
export function goOn(turn: Turn, config: StationConfig): void {
  letGo(turn, config.name);
  if (config.complete !== undefined) turn.put(config.name, { phase: "working" });
  else complete(turn, config, {});
}

/** One part is finished: it leaves the station for those behind it. */
export function complete(turn: Turn, config: StationConfig, fields: Fields, id?: string): void {
  const { name } = config;
  letGo(turn, name);
  const state = turn.of(name);
  const { cycle } = state;
  const unprepared = cycle === null ? nextParts(config, state) : undefined;
  if (unprepared !== undefined) turn.put(name, { waiting: unprepared.waiting });
  const part = id ?? heldId(turn, config) ?? cycle?.part ?? unprepared?.parts[0] ?? makeId(turn, name);
  turn.put(name, { phase: "idle", cycle: null });
  turn.tell(name, "complete", {
    part,
    cycle: cycle?.number,
    ...fields,
    ...(unprepared === undefined ? {} : { unprepared: true }),
  });
  for (const next of turn.plan.behind.get(name) ?? []) arrive(turn, next.name, name, part);
  if (unprepared !== undefined) checkRoom(turn, name);
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

function arrive(turn: Turn, station: string, from: string, part: string): void {
  const { waiting, arrived } = turn.of(station);
  const order = arrived + 1;
  const queue = [...(waiting[from] ?? []), { part, order }];
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

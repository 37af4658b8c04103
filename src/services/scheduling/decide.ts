import type { StationConfig } from "../../config/line.ts";
import { formatDuration } from "../../domain/duration.ts";
import { observe } from "./completion.ts";
import { holds } from "./condition.ts";
import { advance, begin, beginAgain, checkRoom, complete, goOn } from "./flow.ts";
import type { LinePlan } from "./line-plan.ts";
import type { LineReading } from "./round.ts";
import type { Cycle, Effect, LineState, Moment } from "./state.ts";
import { Turn } from "./turn.ts";

/** What the line is told. */
export type Input =
  /** What was read together: one of the `rounds`. */
  | { readonly kind: "readings"; readonly readings: readonly LineReading[] }
  /** A prepare was handed over to MQTT, NATS and the command port, this long after the read. */
  | {
      readonly kind: "sent";
      readonly station: string;
      readonly id: number;
      readonly latencyMs: number | null;
    }
  /** Its writes are done, or what became of them. */
  | { readonly kind: "settled"; readonly station: string; readonly id: number; readonly failure?: string }
  /** An event went out. */
  | { readonly kind: "told"; readonly station: string; readonly id: number }
  | { readonly kind: "device"; readonly device: string; readonly online: boolean }
  | { readonly kind: "tick" }
  /** The gateway begins again on a state from the store. */
  | { readonly kind: "restarted" }
  /** line.yaml was edited: what hangs on it is looked over. */
  | { readonly kind: "review" }
  | Request;

export type Request =
  | {
      readonly kind: "trigger";
      readonly station: string;
      readonly by: string;
      readonly part?: string | undefined;
    }
  | {
      readonly kind: "hold";
      readonly station: string;
      readonly by: string;
      readonly why?: string | undefined;
    }
  | { readonly kind: "resume"; readonly station: string; readonly by: string };

export interface Decision {
  /** The same object where nothing changed; each station's likewise. */
  readonly state: LineState;
  /** To be carried out once the state is stored. */
  readonly effects: readonly Effect[];
  /** Why a request was not done. */
  readonly refused?: string;
}

/** The whole of scheduling: what the line does next. Pure: the same state, input and time give the same decision. */
export function decide(plan: LinePlan, before: LineState, input: Input, moment: Moment): Decision {
  const turn = new Turn(plan, before, moment, readAtOf(input) ?? moment.monotonic);
  const refused = apply(turn, input);
  if (refused === undefined) advance(turn);
  return { state: turn.state, effects: turn.effects, ...(refused === undefined ? {} : { refused }) };
}

function readAtOf(input: Input): number | undefined {
  return input.kind === "readings" ? input.readings[0]?.readAt : undefined;
}

/** Gives why a request is refused. */
function apply(turn: Turn, input: Input): string | undefined {
  switch (input.kind) {
    case "readings":
      return read(turn, input);
    case "sent":
      return sent(turn, input);
    case "settled":
      return settled(turn, input);
    case "told":
      return told(turn, input);
    case "device":
      turn.see(input.device, input.online);
      return undefined;
    case "tick":
      return tick(turn);
    case "restarted":
      restarted(turn);
      return review(turn);
    case "review":
      return review(turn);
    case "trigger":
    case "hold":
    case "resume":
      return request(turn, input);
  }
}

type Of<Kind extends Input["kind"]> = Extract<Input, { kind: Kind }>;

/** How things stand comes first, so that it holds for all that was read with it; then answers, as to what was sent before. */
function read(turn: Turn, { readings }: Of<"readings">): undefined {
  for (const { tag, value, good } of readings) {
    const fact = good ? value : null;
    if (turn.plan.tags.has(tag) && turn.facts.get(tag) !== fact)
      turn.facts = new Map(turn.facts).set(tag, fact);
  }
  for (const config of turn.configs) {
    const { confirm, name } = config;
    const reading = confirm && readings.find(({ tag }) => tag === confirm.tag);
    if (confirm === undefined || reading === undefined || !isAfter(reading, turn.of(name).cycle)) continue;
    if (holds(confirm, turn.facts)) confirmed(turn, config);
  }
  for (const reading of readings)
    for (const config of turn.plan.completedBy.get(reading.tag) ?? [])
      observeCompletion(turn, config, reading);
}

/** Whether a reading may be the answer to a prepare: what the tag held before it was sent is none. */
function isAfter({ timestamp, readAt, recalled }: LineReading, cycle: Cycle | null): boolean {
  if (cycle === null || cycle.sentAt === null) return false;
  return recalled === true ? timestamp > cycle.sentAt : readAt >= (cycle.sentSteady ?? -Infinity);
}

function observeCompletion(turn: Turn, config: StationConfig, { value, good, timestamp }: LineReading): void {
  const { watch } = turn.of(config.name);
  if (config.complete === undefined || watch === null) return;
  const seen = observe(config.complete, watch, value, good);
  if (seen.watch !== watch) turn.put(config.name, { watch: seen.watch });
  for (let part = 1; part <= seen.parts; part += 1) {
    const fields = {
      sourceTimestamp: timestamp,
      ...(seen.recovered ? { recovered: true } : {}),
      ...(seen.parts > 1 ? { nth: part, of: seen.parts } : {}),
      ...(seen.rollover ? { rollover: true } : {}),
    };
    // What the id tag says is the newest part's.
    if (part < seen.parts) complete(turn, config, fields, null);
    else complete(turn, config, fields);
  }
  if (seen.lost === undefined) return;
  const { reason, from, to } = seen.lost;
  const what =
    reason === "counter-back"
      ? `went back from ${from} to ${to}: parts count again from ${from} on`
      : `went from ${from} to ${to}: what was finished in between is not known`;
  const message = `${config.complete.tag} ${what}.`;
  turn.tell(config.name, "missed", { reason, from, to, message });
}

/** A confirmation that comes after it was missed counts all the same. */
function confirmed(turn: Turn, config: StationConfig): void {
  const { phase, cycle } = turn.of(config.name);
  if (cycle === null || cycle.sentAt === null || (phase !== "preparing" && phase !== "missed")) return;
  turn.tell(config.name, "confirmed", {
    part: cycle.part,
    cycle: cycle.number,
    from: cycle.from,
    latencyMs: since(turn, cycle.readAt),
    ...(phase === "missed" ? { afterMissed: true } : {}),
  });
  goOn(turn, config);
}

/** Tenths of a ms from the read to the read of now; absent where a restart lies between. */
function since(turn: Turn, readAt: number | null): number | undefined {
  return readAt === null ? undefined : Math.round((turn.readAt - readAt) * 10) / 10;
}

function sent(turn: Turn, { station, id, latencyMs }: Of<"sent">): undefined {
  const config = turn.plan.stations.get(station);
  const { cycle, phase } = turn.of(station);
  if (config === undefined || cycle?.prepareId !== id) return;
  const { now, monotonic } = turn.moment;
  const isAwaited = config.confirm !== undefined && phase === "preparing";
  const deadline = isAwaited ? monotonic + config.confirm.within : null;
  turn.put(station, { cycle: { ...cycle, sentAt: now, sentSteady: monotonic, deadline } });
  if (config.within === undefined || latencyMs === null || latencyMs <= config.within) return;
  const { part, number } = cycle;
  turn.tell(station, "late", { part, cycle: number, latencyMs, withinMs: config.within });
}

function settled(turn: Turn, { station, id, failure }: Of<"settled">): undefined {
  drop(turn, station, id);
  const config = turn.plan.stations.get(station);
  const { cycle, phase } = turn.of(station);
  if (config === undefined || cycle?.prepareId !== id || phase !== "preparing") return;
  if (failure !== undefined) missed(turn, config, "not-written", failure);
  else if (config.confirm === undefined) goOn(turn, config);
}

function told(turn: Turn, { station, id }: Of<"told">): undefined {
  drop(turn, station, id);
}

function drop(turn: Turn, station: string, id: number): void {
  const { outbox } = turn.of(station);
  if (outbox.some((effect) => effect.id === id))
    turn.put(station, { outbox: outbox.filter((effect) => effect.id !== id) });
}

function missed(turn: Turn, { name }: StationConfig, reason: string, message: string): void {
  const { cycle } = turn.of(name);
  if (cycle === null) return;
  turn.put(name, { phase: "missed", cycle: { ...cycle, deadline: null } });
  turn.tell(name, "missed", { part: cycle.part, cycle: cycle.number, reason, message });
}

function tick(turn: Turn): undefined {
  for (const config of turn.configs) {
    const { phase, cycle } = turn.of(config.name);
    if (phase !== "preparing" || (cycle?.deadline ?? Infinity) > turn.moment.monotonic) continue;
    const { tag = "", within } = config.confirm ?? {};
    const limit = within === undefined ? "in time" : `within ${formatDuration(within)}`;
    const message = `${tag} did not confirm ${limit}. Look at the station, then trigger it again or resume it.`;
    missed(turn, config, "not-confirmed", message);
  }
}

/** What was under way when the gateway ended: events go out again, a prepare only where that is safe. */
function restarted(turn: Turn): undefined {
  for (const config of turn.configs) {
    const { name, confirm, prepare } = config;
    const { watch, cycle, phase, outbox } = turn.of(name);
    if (watch?.sure === true) turn.put(name, { watch: { ...watch, sure: false } });
    const open = outbox.some(({ id }) => id === cycle?.prepareId) && phase === "preparing";
    const again = open && prepare.repeat === "safe";
    // The monotonic clock began anew, and a confirmation may have come while nobody listened: it gets its whole time again.
    if (cycle !== null) {
      const isAwaited = cycle.deadline !== null && !again;
      const deadline = isAwaited ? turn.moment.monotonic + (confirm?.within ?? 0) : null;
      const anew = { readAt: null, sentSteady: null, deadline };
      turn.put(name, { cycle: { ...cycle, ...anew, ...(again ? { waitsForDevices: true } : {}) } });
    }
    if (outbox.length === 0) continue;
    const kept = outbox
      .filter(({ event, id }) => event !== "prepare" || (again && id === cycle?.prepareId))
      .map((effect): Effect => ({ ...effect, repeated: true }));
    turn.put(name, { outbox: kept });
    for (const effect of kept) if (effect.event !== "prepare") turn.again(effect);
    if (!open || again) continue;
    const message =
      "The gateway ended while it told the station to prepare; whether it did is not known. " +
      "Look at the station, then trigger it again or resume it.";
    missed(turn, config, "restart", message);
  }
}

/** What an edit may have left behind: buffers of another size, a confirmation that is not asked for any more. */
function review(turn: Turn): undefined {
  for (const config of turn.configs) {
    const { name } = config;
    const { phase, cycle, outbox, blockedBy } = turn.of(name);
    const known = blockedBy.filter((station) => turn.plan.stations.has(station));
    if (known.length < blockedBy.length) turn.put(name, { blockedBy: known });
    checkRoom(turn, name);
    const isSent = (cycle?.sentAt ?? null) !== null && !outbox.some(({ id }) => id === cycle?.prepareId);
    if (phase === "preparing" && isSent && config.confirm === undefined) goOn(turn, config);
  }
}

function request(turn: Turn, input: Request): string | undefined {
  const config = turn.plan.stations.get(input.station);
  if (config === undefined) return `There is no station ${JSON.stringify(input.station)}.`;
  const { phase, held, cycle } = turn.of(input.station);
  switch (input.kind) {
    case "hold":
      if (held === null)
        turn.put(input.station, { held: { by: input.by, at: turn.moment.now, why: input.why } });
      return undefined;
    case "resume":
      if (held === null && phase !== "missed")
        return `${input.station} is neither held nor has it missed a part.`;
      if (held !== null) turn.put(input.station, { held: null });
      if (phase === "missed") goOn(turn, config);
      return undefined;
    case "trigger":
      if (held !== null) return `${input.station} is held by ${held.by}; resume it first.`;
      if (phase === "missed" && cycle !== null) beginAgain(turn, config, cycle, input.by);
      else if (config.after === undefined) complete(turn, config, { by: input.by }, input.part);
      else if (phase === "idle") begin(turn, config, input.part, input.by);
      else return `${input.station} has the part ${cycle?.part ?? ""} and is ${phase}.`;
      return undefined;
  }
}

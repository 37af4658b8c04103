import type { StationConfig } from "../../config/line.ts";
import { plainText, type JsonValue } from "../../domain/reading.ts";
import { TagPath } from "../../domain/tag-path.ts";
import type { OutgoingMessage } from "../../store/state-store.ts";
import type { CommandPort } from "../commands/command-port.ts";
import { fill } from "../fill.ts";
import type { Effect, Moment, StationState } from "./state.ts";

/** Where the line's messages go. Nothing here throws or waits. */
export interface LineOutput {
  /** A line event, to MQTT; to NATS it goes through the outbox. */
  event(path: TagPath, json: string): void;
  /** A message of the mapping's own. */
  message(to: "mqtt" | "nats", name: string, json: string): void;
  /** Stations are not as they were, or what they wait for is not. Told often: once a reading that matters. */
  changed(): void;
}

export interface PerformOptions {
  readonly site: string;
  readonly output: LineOutput;
  readonly commands: CommandPort;
}

/** Sends one event as it stands; `latencyMs` of a prepare that was carried out. */
export function sendEvent({ site, output }: PerformOptions, effect: Effect, latencyMs: number | null): void {
  output.event(pathOf(site, effect), eventJson(effect, latencyMs));
}

/**
 * The events as they go to NATS, for the transaction of the state that they belong to: none is lost, and none comes twice.
 * So those that are repeated after a restart are not among them.
 */
export function eventMessages(
  site: string,
  effects: readonly Effect[],
  latencyOf: (effect: Effect) => number | null,
): readonly OutgoingMessage[] {
  return effects.flatMap((effect) => {
    if (effect.repeated === true) return [];
    const { subject } = pathOf(site, effect);
    const message = { stream: "EVENTS", subject, payload: eventJson(effect, null) } as const;
    if (effect.event !== "prepare") return [message];
    return [{ ...message, live: () => eventJson(effect, latencyOf(effect)) }];
  });
}

function pathOf(site: string, { station, event }: Effect): TagPath {
  return new TagPath("line", site, station, event);
}

function eventJson({ station, event, id, fields, repeated }: Effect, latencyMs: number | null): string {
  const latency = latencyMs === null ? {} : { latencyMs };
  const again = repeated === true ? { repeated } : {};
  return JSON.stringify({ station, event, sequence: id, ...fields, ...latency, ...again });
}

/**
 * Carries a prepare out in one go, nothing of it waited for: writes first, as they have the longest way, then what is published.
 * @param now Unix ms
 * @returns undefined where there is nothing to write; else resolves with what failed, if anything. Never rejects.
 */
export function carryOut(
  options: PerformOptions,
  config: StationConfig,
  effect: Effect,
  now: number,
): Promise<string | undefined> | undefined {
  const { output } = options;
  const { part, cycle: number, from } = effect.fields;
  const filling = {
    part: plainText(part),
    station: config.name,
    cycle: Number(number),
    time: new Date(now).toISOString(),
  };
  const writes = write(options, config, `${plainText(from)} complete, part ${plainText(part)}`, (value) =>
    fill(value, filling),
  );
  for (const { to, name, payload } of config.prepare.publications) {
    output.message(to, name, JSON.stringify(fill(payload, filling)));
  }
  return writes;
}

function write(
  { commands }: PerformOptions,
  { name, prepare, confirm }: StationConfig,
  why: string,
  filled: (value: JsonValue) => JsonValue,
): Promise<string | undefined> | undefined {
  if (prepare.writes.length === 0) return undefined;
  const expiry = confirm === undefined ? {} : { expiresInMs: confirm.within };
  const orders = prepare.writes.map(async ({ tag, value }) => {
    const order = { tag, value: filled(value) ?? "", by: "service:scheduling", why: `${name}: ${why}` };
    const outcome = await commands.write({ ...order, ...expiry });
    return outcome.ok ? undefined : outcome.message;
  });
  return Promise.all(orders).then((failures) => failures.find((failure) => failure !== undefined));
}

/** From the source's read until now, in ms; null where a restart lies between. */
export function latencySince(
  { id }: Effect,
  cycle: StationState["cycle"],
  { monotonic }: Moment,
): number | null {
  const readAt = cycle?.prepareId === id ? cycle.readAt : null;
  return readAt === null ? null : Math.round((monotonic - readAt) * 1000) / 1000;
}

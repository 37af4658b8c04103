import type { StationConfig } from "../../config/line.ts";
import type { JsonValue } from "../../domain/reading.ts";
import type { Facts } from "./condition.ts";
import type { LinePlan } from "./line-plan.ts";
import {
  newStation,
  type Effect,
  type LineEvent,
  type LineState,
  type Moment,
  type StationState,
} from "./state.ts";

/** Fields of an event; those that are undefined are left out. */
export type Fields = Readonly<Record<string, JsonValue | undefined>>;

/** One decision while it is made: the state it starts from is not touched, what changes is kept apart. */
export class Turn {
  readonly plan: LinePlan;
  readonly moment: Moment;
  /** The monotonic clock at the read that this turn is about; at a request or a timer, now. */
  readonly readAt: number;
  readonly effects: Effect[] = [];
  readonly #before: LineState;
  #facts: Facts;
  #online: ReadonlySet<string>;
  #changed: Map<string, StationState> | undefined;

  constructor(plan: LinePlan, before: LineState, moment: Moment, readAt: number = moment.monotonic) {
    this.plan = plan;
    this.moment = moment;
    this.readAt = readAt;
    this.#before = before;
    this.#facts = before.facts;
    this.#online = before.online;
  }

  get facts(): Facts {
    return this.#facts;
  }

  set facts(facts: Facts) {
    this.#facts = facts;
  }

  /** True where every device that the station's prepare writes to can be reached. */
  reaches(station: string): boolean {
    return (this.plan.writesTo.get(station) ?? []).every((device) => this.#online.has(device));
  }

  see(device: string, online: boolean): void {
    if (!this.plan.devices.has(device) || this.#online.has(device) === online) return;
    const seen = new Set(this.#online);
    if (online) seen.add(device);
    else seen.delete(device);
    this.#online = seen;
  }

  /** The same object as before where nothing changed. */
  get state(): LineState {
    const { stations, facts, online } = this.#before;
    if (this.#changed === undefined && this.#facts === facts && this.#online === online) return this.#before;
    return { stations: this.#changed ?? stations, facts: this.#facts, online: this.#online };
  }

  get configs(): Iterable<StationConfig> {
    return this.plan.stations.values();
  }

  of(station: string): StationState {
    return (this.#changed ?? this.#before.stations).get(station) ?? newStation;
  }

  put(station: string, change: Partial<StationState>): void {
    this.#changed ??= new Map(this.#before.stations);
    this.#changed.set(station, { ...this.of(station), ...change });
  }

  /** Says something: it is in the outbox of the station from now on. Gives its sequence. */
  tell(station: string, event: LineEvent, fields: Fields): number {
    const { sequence, outbox } = this.of(station);
    const id = sequence + 1;
    const said = Object.entries(fields).filter(
      (entry): entry is [string, JsonValue] => entry[1] !== undefined,
    );
    const effect: Effect = {
      id,
      station,
      event,
      fields: Object.fromEntries([["timestamp", this.moment.now], ...said]),
    };
    this.put(station, { sequence: id, outbox: [...outbox, effect] });
    this.effects.push(effect);
    return id;
  }

  /** Sends what is in the outbox already. */
  again(effect: Effect): void {
    this.effects.push(effect);
  }
}

import type { AlertRule } from "../../config/alerts.ts";
import type { TagValue } from "../../domain/reading.ts";
import type { AlertEvent, AlertLife, Cause, Person } from "./alert-state.ts";

/** ISA-18.2 §11.7: shelving has an end, so that nothing is forgotten. */
export const longestShelvingMs = 7 * 86_400_000;

/** The time, by both clocks. */
export interface Moment {
  /** Unix ms, for people; may step. */
  readonly now: number;
  /** ms from Unix time at the service's start on, never stepping: what delays are reckoned by. */
  readonly steady: number;
  /** The last value of each tag that an alert may name as its cause. */
  readonly values: ReadonlyMap<string, { readonly value: TagValue | null }>;
}

/** Something that happened, as it is told. */
export interface Transition {
  readonly event: AlertEvent;
  readonly sequence: number;
  /** The alert as it was after it. */
  readonly life: AlertLife;
}

/** What holds of a rule's conditions; null: not known, and nothing changes by it. */
export interface Truths {
  readonly when: boolean | null;
  readonly suppressWhile: boolean | null;
  /** Asked where the alert is raised. */
  readonly cause: () => Cause;
}

export interface Turned {
  /** The same object where nothing changed. */
  readonly life: AlertLife;
  readonly transitions: readonly Transition[];
}

/**
 * What becomes of an alert by what holds and by the time that has passed: ANSI/ISA-18.2-2016 §5.2.5. Pure.
 *
 * While it is shelved, suppressed or out of service it stays what it was, and tells nothing; on its return it is what its
 * condition says.
 */
export function settle(rule: AlertRule, before: AlertLife, truths: Truths, moment: Moment): Turned {
  const turn = new Turn(before, moment);
  const { steady } = moment;
  const { when, suppressWhile } = truths;
  if (turn.life.shelved !== null && turn.life.shelved.until <= steady) {
    turn.put({ shelved: null });
    comeBack(rule, turn, { event: "unshelved", when });
  }
  if (suppressWhile !== null && suppressWhile !== turn.life.suppressed) {
    const wasAside = isPutAside(turn.life);
    turn.put({ suppressed: suppressWhile });
    if (!wasAside && suppressWhile) turn.tell("suppressed");
    else if (!wasAside) comeBack(rule, turn, { event: "unsuppressed", when });
  }
  if (isAway(turn.life)) {
    const { onAt, offAt, realarmAt } = turn.life;
    if (onAt !== null || offAt !== null || realarmAt !== null)
      turn.put({ onAt: null, offAt: null, realarmAt: null });
    return turn;
  }
  if (when === true) holdsNow(rule, turn, truths);
  else if (when === false) isGone(rule, turn);
  if ((turn.life.realarmAt ?? Infinity) <= steady) {
    turn.put({ acknowledged: false, realarmAt: null });
    turn.tell("realarmed");
  }
  return turn;
}

/** When time alone changes something next, in ms of the steady clock; Infinity: never. */
export function lifeDueAt({ shelved, onAt, offAt, realarmAt }: AlertLife, steady: number): number {
  const ahead = [shelved?.until, onAt, offAt, realarmAt].filter(
    (at) => typeof at === "number" && at > steady,
  );
  return Math.min(...ahead.map(Number));
}

/** Where a step of the clock lies between the last end and this start, nothing takes longer by it. An edited delay holds. */
export function clampDelays(rule: AlertRule, life: AlertLife, steady: number): AlertLife {
  const { shelved } = life;
  const within = (at: number | null, delay: number) => (at === null ? null : Math.min(at, steady + delay));
  return {
    ...life,
    onAt: within(life.onAt, rule.onDelay),
    offAt: within(life.offAt, rule.offDelay),
    realarmAt:
      rule.realarm === undefined
        ? null
        : within(life.realarmAt ?? realarmAt(rule, life, steady), rule.realarm),
    shelved: shelved && {
      ...shelved,
      until: Math.min(shelved.until, steady + (shelved.forMs ?? longestShelvingMs)),
    },
    raises: life.raises.map((time) => Math.min(time, steady)),
    open: life.open.map((action) => ({ ...action, at: Math.min(action.at, steady) })),
  };
}

/** When one that stands and is acknowledged is to be acknowledged again; null: never. */
function realarmAt(
  { acknowledge, realarm }: AlertRule,
  life: Pick<AlertLife, "raised" | "acknowledged" | "shelved" | "suppressed" | "outOfService">,
  steady: number,
): number | null {
  const isDue = acknowledge && life.raised && life.acknowledged && !isAway(life);
  return realarm !== undefined && isDue ? steady + realarm : null;
}

export type AlertRequest = Person &
  (
    | { readonly kind: "acknowledge" | "reset" | "unshelve" | "out-of-service" | "in-service" }
    | { readonly kind: "shelve"; readonly forMs: number }
  );

/** What a person wants of one alert; `refused` says why it is not done. @param when whether its condition holds */
export function request(
  rule: AlertRule,
  before: AlertLife,
  asked: AlertRequest,
  when: boolean | null,
  moment: Moment,
): Turned & { readonly refused?: string } {
  const turn = new Turn(before, moment);
  const refused = apply(rule, turn, asked, when);
  return refused === undefined
    ? { life: turn.life, transitions: turn.transitions }
    : { life: before, transitions: [], refused };
}

function apply(rule: AlertRule, turn: Turn, asked: AlertRequest, when: boolean | null): string | undefined {
  const { name } = rule;
  const { life, moment } = turn;
  const { by, why } = asked;
  const person = { by, why };
  switch (asked.kind) {
    case "acknowledge":
      if (isAway(life)) return awayText(name, life);
      if (life.acknowledged) return `${name} has nothing to acknowledge.`;
      turn.put({ acknowledged: true });
      turn.put({ realarmAt: realarmAt(rule, turn.life, moment.steady) });
      turn.tell("acknowledged", person);
      return undefined;
    case "reset":
      if (isAway(life)) return awayText(name, life);
      if (life.raised) return `${name} is still raised; it can be reset when its condition is gone.`;
      if (!life.latched) return `${name} is not latched.`;
      turn.put({ latched: false });
      turn.tell("reset", person);
      return undefined;
    case "shelve":
      if (life.outOfService !== null) return awayText(name, life);
      turn.put({ shelved: { ...person, until: moment.steady + asked.forMs, forMs: asked.forMs } });
      turn.tell("shelved", person);
      return undefined;
    case "unshelve":
      if (life.shelved === null) return `${name} is not shelved.`;
      turn.put({ shelved: null });
      comeBack(rule, turn, { event: "unshelved", person, when });
      return undefined;
    case "out-of-service":
      if (life.outOfService !== null) return awayText(name, life);
      turn.put({ outOfService: person, shelved: null });
      turn.tell("out-of-service", person);
      return undefined;
    case "in-service":
      if (life.outOfService === null) return `${name} is in service.`;
      turn.put({ outOfService: null });
      comeBack(rule, turn, { event: "in-service", person, when });
      return undefined;
  }
}

class Turn implements Turned {
  life: AlertLife;
  readonly moment: Moment;
  readonly transitions: Transition[] = [];

  constructor(life: AlertLife, moment: Moment) {
    this.life = life;
    this.moment = moment;
  }

  put(change: Partial<AlertLife>): void {
    this.life = { ...this.life, ...change };
  }

  tell(event: AlertEvent, person: Partial<Person> = {}): void {
    const { life, moment } = this;
    this.put({ sequence: life.sequence + 1, since: moment.now, last: { event, ...person } });
    this.transitions.push({ event, sequence: this.life.sequence, life: this.life });
  }
}

function holdsNow(rule: AlertRule, turn: Turn, truths: Truths): void {
  const { life, moment } = turn;
  if (life.raised) {
    if (life.offAt !== null) turn.put({ offAt: null });
    return;
  }
  const onAt = life.onAt ?? moment.steady + rule.onDelay;
  if (onAt > moment.steady) {
    if (life.onAt === null) turn.put({ onAt });
    return;
  }
  turn.put({
    raised: true,
    latched: false,
    acknowledged: !rule.acknowledge,
    onAt: null,
    offAt: null,
    realarmAt: null,
    raisedAt: moment.now,
    count: life.count + 1,
    raises: [...life.raises, moment.steady],
    cause: truths.cause(),
  });
  turn.tell("raised");
}

function isGone(rule: AlertRule, turn: Turn): void {
  const { life, moment } = turn;
  if (!life.raised) {
    if (life.onAt !== null) turn.put({ onAt: null });
    return;
  }
  const offAt = life.offAt ?? moment.steady + rule.offDelay;
  if (offAt > moment.steady) {
    if (life.offAt === null) turn.put({ offAt });
    return;
  }
  turn.put({ raised: false, latched: rule.latch, offAt: null, realarmAt: null });
  turn.tell(rule.latch ? "latched" : "cleared");
}

/** By what holds now: normal, or latched, where its condition went meanwhile; else what it was, acknowledged as it was. */
function comeBack(
  rule: AlertRule,
  turn: Turn,
  how: { readonly event: AlertEvent; readonly person?: Person; readonly when: boolean | null },
): void {
  const { event, person = {}, when } = how;
  if (isAway(turn.life)) return turn.tell(event, person);
  const went = turn.life.raised && when === false;
  if (went) turn.put({ raised: false, latched: rule.latch });
  const { raised, latched } = turn.life;
  // Nobody need acknowledge what was gone while it was put aside.
  if (!raised && !latched) turn.put({ acknowledged: true });
  turn.put({ realarmAt: realarmAt(rule, turn.life, turn.moment.steady) });
  turn.tell(event, person);
  if (went) turn.tell(rule.latch ? "latched" : "cleared");
}

/** True while a person has shelved it or taken it out of service. */
function isPutAside({ shelved, outOfService }: Pick<AlertLife, "shelved" | "outOfService">): boolean {
  return shelved !== null || outOfService !== null;
}

/** True while it is shelved, suppressed or out of service. */
export function isAway(life: Pick<AlertLife, "shelved" | "suppressed" | "outOfService">): boolean {
  return isPutAside(life) || life.suppressed;
}

function awayText(name: string, { shelved, outOfService }: AlertLife): string {
  if (outOfService !== null)
    return `${name} is out of service, by ${outOfService.by}; put it in service first.`;
  if (shelved !== null) return `${name} is shelved, by ${shelved.by}; unshelve it first.`;
  return `${name} is suppressed by design.`;
}

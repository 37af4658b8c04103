import { Subscription, type Observable } from "rxjs";
import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../adapter-kit/clock.ts";
import type { Log } from "../../adapter-kit/log.ts";
import type { LineConfig, StationConfig } from "../../config/line.ts";
import { toGatewayError } from "../../domain/errors.ts";
import { plainText, type PublishedReading } from "../../domain/reading.ts";
import { TagPath } from "../../domain/tag-path.ts";
import type { Metric } from "../../observability/exposition.ts";
import { isolate } from "../../pipeline/isolate.ts";
import type { StateChange, StateStore } from "../../store/state-store.ts";
import { decide, type Input, type Request } from "./decide.ts";
import { Latencies } from "./latencies.ts";
import { adapt, planLine, type LinePlan } from "./line-plan.ts";
import {
  carryOut,
  eventMessages,
  latencySince,
  sendEvent,
  type Performed,
  type PerformOptions,
} from "./perform.ts";
import {
  decodeStation,
  encodeStation,
  type Effect,
  type LineState,
  type Moment,
  type StationState,
} from "./state.ts";

interface DeviceChange {
  readonly device: string;
  readonly state: { readonly state: string };
}

/** What became of a prepare is stored within this time: killed before, nobody knows, and somebody may have to look. */
const outcomeWithinMs = 20;
/** That an event went out, within this: killed before, it goes out once more. */
const toldWithinMs = 100;

/** What is in the store of the line: a key a station. */
const lineScope = "line";

export interface SchedulingOptions extends PerformOptions {
  readonly readings$: Observable<PublishedReading>;
  readonly deviceStates$: Observable<DeviceChange>;
  /** Whether a device can be reached now. */
  readonly isOnline: (device: string) => boolean;
  readonly store: StateStore;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Runs the line: readings and requests in, decisions by `decide`, each stored before anything of it is told, in the same turn
 * of the event loop in which the store says so. A prepare that may be repeated waits for no disk: it is carried out in the
 * turn of the decision. What became of it is stored after.
 */
export class SchedulingService {
  readonly latencies = new Latencies();
  readonly #options: SchedulingOptions;
  #config: LineConfig;
  #plan: LinePlan;
  #state: LineState = { stations: new Map(), facts: new Map(), online: new Set() };
  /** Tags that matter, by their topic. */
  #tags: ReadonlyMap<string, string> = new Map();
  readonly #subscription = new Subscription();
  #alarm: { readonly at: number; readonly off: AbortController } | undefined;
  readonly #stopping = new AbortController();
  /** As the store has them, or is about to. */
  #stored: ReadonlyMap<string, StationState> = new Map();
  /** When outcomes that are not stored yet are to be, by the monotonic clock. */
  #due = Infinity;
  /** The waits for that which are under way, by their length. */
  readonly #waits = new Set<number>();
  /** What is being stored or written, and will be sent or decided on after that. */
  readonly #underWay = new Set<Promise<void>>();

  constructor(line: LineConfig, options: SchedulingOptions) {
    this.#options = options;
    this.#config = line;
    this.#plan = planLine(line);
  }

  get plan(): LinePlan {
    return this.#plan;
  }

  get state(): LineState {
    return this.#state;
  }

  metrics(): Iterable<Metric> {
    return this.latencies.metrics();
  }

  /** Goes on from the store, and takes readings from now on. */
  start(): void {
    const { store, readings$, deviceStates$, log } = this.#options;
    const stored = new Map<string, StationState>();
    for (const [station, json] of store.read(lineScope)) {
      const state = decodeStation(json);
      if (state !== undefined) stored.set(station, state);
      else log.error({ station }, "what the store holds of this station can't be read; it begins anew");
    }
    this.#subscription.add(readings$.subscribe(isolate("scheduling", log, (reading) => this.#read(reading))));
    const see = isolate<DeviceChange>("scheduling", log, ({ device, state }) => {
      if (this.#plan.devices.has(device))
        void this.#take({ kind: "device", device, online: state.state === "online" });
    });
    this.#subscription.add(deviceStates$.subscribe(see));
    this.#stored = stored;
    this.#put(this.#config, stored);
    void this.#take({ kind: "restarted" });
  }

  /** Takes no more readings; resolves when what was decided is stored and sent. */
  async stop(): Promise<void> {
    this.#subscription.unsubscribe();
    this.#alarm?.off.abort();
    this.#stopping.abort();
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  /** An edited line.yaml: stations that are what they were go on as if nothing had been. */
  apply(line: LineConfig): void {
    if (isDeepStrictEqual(line, this.#config)) return;
    this.#put(line, this.#state.stations);
    void this.#take({ kind: "review" });
    this.#options.log.info(
      { stations: line.stations.map(({ name }) => name) },
      "the edited line.yaml is in force",
    );
  }

  /** Carries out a request; resolves when it is stored, with why it was refused where it was. */
  request(request: Request): Promise<string | undefined> {
    return this.#take(request);
  }

  #put(line: LineConfig, known: ReadonlyMap<string, StationState>): void {
    const { site, isOnline } = this.#options;
    this.#config = line;
    this.#plan = planLine(line);
    this.#tags = new Map([...this.#plan.tags].map((tag) => [new TagPath("data", site, tag).topic, tag]));
    const facts = new Map([...this.#state.facts].filter(([tag]) => this.#plan.facts.has(tag)));
    const online = new Set([...this.#plan.devices].filter((device) => isOnline(device)));
    this.#state = adapt(this.#plan, known, { facts, online });
    this.#options.output.changed();
    void this.#commit();
  }

  /** The hot path: one look-up for readings that the line does not know. */
  #read({ reading, recalled }: PublishedReading): void {
    const tag = this.#tags.get(reading.path.topic);
    if (tag === undefined) return;
    this.latencies.readings += 1;
    const { value, quality, timestamp, readAt } = reading;
    void this.#take({ kind: "reading", tag, value, good: quality === "good", timestamp, readAt, recalled });
  }

  /** Decides on inputs; stores what changed, then sends. Resolves with why the last one was refused. */
  #take(...inputs: readonly Input[]): Promise<string | undefined> {
    const before = this.#state;
    const effects: Effect[] = [];
    let refused: string | undefined;
    for (const input of inputs) {
      const decision = decide(this.#plan, this.#state, input, this.#moment());
      this.#state = decision.state;
      effects.push(...decision.effects);
      refused = decision.refused;
    }
    const early = this.#sendEarly(effects);
    if (this.#state !== before) this.#options.output.changed();
    if (this.#state.stations === before.stations) return Promise.resolve(refused);
    this.#arm();
    if (effects.length === 0 && inputs.every(isOutcome)) {
      this.#noteSoon(inputs.every(({ kind }) => kind === "told") ? toldWithinMs : outcomeWithinMs);
      return Promise.resolve(refused);
    }
    // Handed over first, the decision is in the next commit; the writes and their audit share it or come after.
    const stored = this.#commit(effects);
    const carriedOut = new Map(early.map(({ effect, config }) => [effect, this.#carryOut(effect, config)]));
    return this.#track(stored.then(() => this.#send(effects, carriedOut))).then(() => refused);
  }

  /** Stores all that is not stored yet, and the events that come of it. */
  async #commit(effects: readonly Effect[] = []): Promise<void> {
    const { stations } = this.#state;
    const open = this.#unstored();
    const messages = eventMessages(this.#options.site, effects, (effect) =>
      latencySince(effect, stations.get(effect.station)?.cycle ?? null, this.#moment()),
    );
    if (open.length > 0 || messages.length > 0) await this.#options.store.change(open, messages);
  }

  /** Takes what the store does not have yet. */
  #unstored(): readonly StateChange[] {
    this.#due = Infinity;
    const { stations } = this.#state;
    const gone = [...this.#stored.keys()].filter((station) => !stations.has(station));
    const open = changes(this.#stored, stations);
    this.#stored = stations;
    return [...open, ...gone.map((key) => ({ scope: lineScope, key, value: null }))];
  }

  /** What came of sending goes to the store with the next decision, or a little later: flash wears out. */
  #noteSoon(withinMs: number, waitMs = withinMs): void {
    const { clock } = this.#options;
    this.#due = Math.min(this.#due, clock.monotonic() + withinMs);
    if (this.#waits.has(withinMs)) return;
    this.#waits.add(withinMs);
    // The stop stores at once.
    const pause = clock.sleep(waitMs, this.#stopping.signal).catch(() => undefined);
    void this.#track(
      pause.then(() => {
        this.#waits.delete(withinMs);
        if (this.#due === Infinity) return undefined;
        if (this.#due <= clock.monotonic() || this.#stopping.signal.aborted)
          return this.#options.store.note(this.#unstored());
        return this.#noteSoon(withinMs, this.#due - clock.monotonic());
      }),
    );
  }

  /**
   * Prepares that may be repeated wait for no disk: they are carried out in this very turn. Killed before the disk has heard of
   * it, the line decides the same again. That they are sent is part of the decision, so that a confirmation may come at once.
   */
  #sendEarly(effects: Effect[]): readonly { readonly effect: Effect; readonly config: StationConfig }[] {
    const early = effects.flatMap((effect) => {
      const config = this.#plan.stations.get(effect.station);
      const isEarly = effect.event === "prepare" && config?.prepare.repeat === "safe";
      return isEarly ? [{ effect, config }] : [];
    });
    for (const { effect } of early) {
      const decision = decide(this.#plan, this.#state, this.#sent(effect), this.#moment());
      this.#state = decision.state;
      effects.push(...decision.effects);
    }
    return early;
  }

  #sent(effect: Effect): Input {
    const { station, id } = effect;
    const cycle = this.#state.stations.get(station)?.cycle ?? null;
    return { kind: "sent", station, id, latencyMs: latencySince(effect, cycle, this.#moment()) };
  }

  #carryOut(effect: Effect, config: StationConfig): Performed {
    const { station, fields } = effect;
    const cycle = this.#state.stations.get(station)?.cycle ?? null;
    const performed = carryOut(this.#options, config, effect, cycle, () => this.#moment());
    if (performed.latencyMs !== null)
      this.latencies.prepared(plainText(fields["from"]), station, performed.latencyMs);
    return performed;
  }

  #send(effects: readonly Effect[], carriedOut: ReadonlyMap<Effect, Performed>): void {
    const inputs = effects.flatMap((effect) => this.#sendOne(effect, carriedOut.get(effect)));
    if (inputs.length > 0) void this.#take(...inputs);
  }

  /** Sends one effect; gives what became of it. */
  #sendOne(effect: Effect, early: Performed | undefined): readonly Input[] {
    const { station, id } = effect;
    const config = this.#plan.stations.get(station);
    this.latencies.told(effect);
    if (effect.event !== "prepare" || config === undefined) {
      sendEvent(this.#options, effect, null);
      return [{ kind: "told", station, id }];
    }
    const performed = early ?? this.#carryOut(effect, config);
    const { latencyMs, writes } = performed;
    sendEvent(this.#options, effect, latencyMs);
    const sent: readonly Input[] = early === undefined ? [{ kind: "sent", station, id, latencyMs }] : [];
    if (writes === undefined) return [...sent, { kind: "settled", station, id }];
    void this.#track(
      writes.then(async (failure) => {
        await this.#take({ kind: "settled", station, id, ...(failure === undefined ? {} : { failure }) });
      }),
    );
    return sent;
  }

  /** Waited for by the stop. A failure in it is told, and the line goes on. */
  #track(work: Promise<void>): Promise<void> {
    const told = work
      .catch((caught: unknown) => {
        this.#options.log.error(
          { error: toGatewayError(caught) },
          "scheduling failed on a decision; the line goes on",
        );
      })
      .finally(() => this.#underWay.delete(told));
    this.#underWay.add(told);
    return told;
  }

  #moment(): Moment {
    const { clock } = this.#options;
    return { now: clock.now(), monotonic: clock.monotonic() };
  }

  /** One timer, for the next confirmation that is due. */
  #arm(): void {
    let at = Infinity;
    for (const { cycle, phase } of this.#state.stations.values()) {
      if (phase === "preparing") at = Math.min(at, cycle?.deadline ?? Infinity);
    }
    if (this.#alarm?.at === at) return;
    this.#alarm?.off.abort();
    this.#alarm = undefined;
    if (at === Infinity) return;
    const off = new AbortController();
    this.#alarm = { at, off };
    const { clock, log } = this.#options;
    const rung = clock.sleep(at - clock.now(), off.signal).then(() => {
      this.#alarm = undefined;
      void this.#take({ kind: "tick" });
      // A timer may ring a moment early.
      this.#arm();
    });
    rung.catch((caught: unknown) => {
      if (!off.signal.aborted) log.error({ error: toGatewayError(caught) }, "a timer of the line failed");
    });
  }
}

/** True for what is only kept in mind of something that was sent. */
function isOutcome({ kind }: Input): boolean {
  return kind === "told" || kind === "sent" || kind === "settled";
}

function changes(
  before: ReadonlyMap<string, StationState>,
  after: ReadonlyMap<string, StationState>,
): StateChange[] {
  return [...after].flatMap(([key, state]) =>
    before.get(key) === state ? [] : [{ scope: lineScope, key, value: encodeStation(state) }],
  );
}

import { Subscription, type Observable, type Observer } from "rxjs";
import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../../adapter-kit/clock.ts";
import type { Log } from "../../adapter-kit/log.ts";
import type { LineConfig, StationConfig } from "../../config/line.ts";
import { toGatewayError } from "../../domain/errors.ts";
import { plainText, type PublishedReading } from "../../domain/reading.ts";
import { TagPath } from "../../domain/tag-path.ts";
import type { Metric } from "../../observability/exposition.ts";
import { isolate } from "../../pipeline/isolate.ts";
import type { StateStore } from "../../store/state-store.ts";
import { DueTimer } from "../due-timer.ts";
import { decide, type Input, type Request } from "./decide.ts";
import { Latencies } from "./latencies.ts";
import { LineStore } from "./line-store.ts";
import { adapt, planLine, type LinePlan } from "./line-plan.ts";
import { carryOut, eventMessages, latencySince, sendEvent, type PerformOptions } from "./perform.ts";
import { rounds, type LineReading } from "./round.ts";
import type { Effect, LineState, Moment, StationState } from "./state.ts";

interface DeviceChange {
  readonly device: string;
  readonly state: { readonly state: string };
}

/** What became of a prepare is stored within this time: killed before, nobody knows, and somebody may have to look. */
const outcomeWithinMs = 20;
/** That an event went out, within this: killed before, it goes out once more. */
const toldWithinMs = 100;

/** What became of a prepare that was carried out. */
interface Performed {
  readonly latencyMs: number | null;
  readonly writes: ReturnType<typeof carryOut>;
}

export interface SchedulingOptions extends PerformOptions {
  readonly readings$: Observable<PublishedReading>;
  readonly deviceStates$: Observable<DeviceChange>;
  /** Whether a device can be reached now. */
  readonly isOnline: (device: string) => boolean;
  /** The last reading of a tag, by its topic, as far as it is known here. */
  readonly lastReadings: (topic: string) => PublishedReading | undefined;
  readonly store: StateStore;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Runs the line: readings and requests in, decisions by `decide`, each stored before anything of it is told, in the same turn
 * of the event loop in which the store says so. Readings are decided on at the end of the turn that they came in, so that those
 * of one poll count together. A prepare that may be repeated waits for no disk: it is carried out in the turn of the decision.
 * What became of it is stored after.
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
  /** Read in this turn of the event loop, and not decided on yet. */
  #read: LineReading[] = [];
  readonly #turnEnd: Pick<Observer<void>, "next">;
  /** What a prepare tells of how long it took, and is judged by. */
  readonly #latencyOf = new WeakMap<Effect, { readonly latencyMs: number | null }>();
  readonly #store: LineStore;
  /** For the next confirmation that is due. */
  readonly #timer: DueTimer;
  /** What is being stored or written, and will be sent or decided on after that. */
  readonly #underWay = new Set<Promise<void>>();

  constructor(line: LineConfig, options: SchedulingOptions) {
    this.#options = options;
    this.#config = line;
    this.#plan = planLine(line);
    const { clock, log, store } = options;
    this.#store = new LineStore({
      store,
      stations: () => this.#state.stations,
      track: (work) => this.#track(work),
      clock,
      log,
    });
    this.#timer = new DueTimer({
      clock,
      log,
      steady: () => clock.monotonic(),
      ring: () => void this.#take({ kind: "tick" }),
    });
    this.#turnEnd = isolate("scheduling", log, () => void this.#takeRead());
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
    const { readings$, deviceStates$, log } = this.#options;
    const stored = this.#store.read();
    this.#subscription.add(
      readings$.subscribe(isolate("scheduling", log, (reading) => this.#collect(reading))),
    );
    const see = isolate<DeviceChange>("scheduling", log, ({ device, state }) => {
      if (this.#plan.devices.has(device))
        void this.#take({ kind: "device", device, online: state.state === "online" });
    });
    this.#subscription.add(deviceStates$.subscribe(see));
    this.#put(this.#config, stored);
    void this.#take({ kind: "restarted" }, ...this.#known());
  }

  /** Takes no more readings; resolves when what was decided is stored and sent. */
  async stop(): Promise<void> {
    void this.#takeRead();
    this.#subscription.unsubscribe();
    this.#timer.stop();
    this.#store.stop();
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  /** An edited line.yaml: stations that are what they were go on as if nothing had been. */
  apply(line: LineConfig): void {
    if (isDeepStrictEqual(line, this.#config)) return;
    void this.#takeRead();
    this.#put(line, this.#state.stations);
    void this.#take({ kind: "review" }, ...this.#known());
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
    const facts = new Map([...this.#state.facts].filter(([tag]) => this.#plan.tags.has(tag)));
    const online = new Set([...this.#plan.devices].filter((device) => isOnline(device)));
    this.#state = adapt(this.#plan, known, { facts, online });
    this.#options.output.changed();
    void this.#commit();
  }

  /** How things stand with tags that the line has not looked at so far: of one that stands still nothing comes for long. */
  #known(): readonly Input[] {
    const { stations, facts } = this.#state;
    const unwatched = new Set(
      [...this.#plan.stations.values()]
        .filter(({ name }) => stations.get(name)?.watch?.last === null)
        .map(({ complete }) => complete?.tag),
    );
    const readings = [...this.#tags].flatMap(([topic, tag]): LineReading[] => {
      const fact = facts.get(tag);
      if (fact === undefined) {
        const last = this.#options.lastReadings(topic);
        return last === undefined ? [] : [{ ...lineReading(tag, last), recalled: true }];
      }
      if (!unwatched.has(tag)) return [];
      // As old as can be: it says how things stand, and answers nothing.
      const { monotonic } = this.#moment();
      return [{ tag, value: fact, good: fact !== null, timestamp: 0, readAt: monotonic, recalled: true }];
    });
    return readings.length === 0 ? [] : [{ kind: "readings", readings }];
  }

  /** The hot path: one look-up for readings that the line does not know. */
  #collect(published: PublishedReading): void {
    const tag = this.#tags.get(published.reading.path.topic);
    if (tag === undefined) return;
    this.latencies.readings += 1;
    if (this.#read.length === 0) queueMicrotask(() => this.#turnEnd.next());
    this.#read.push(lineReading(tag, published));
  }

  /** Decides on what was read in this turn. */
  #takeRead(): Promise<string | undefined> {
    const read = this.#read;
    this.#read = [];
    return this.#decide(rounds(read).map((readings): Input => ({ kind: "readings", readings })));
  }

  /** Decides on inputs, after all that was read before them. Resolves with why the last one was refused. */
  #take(...inputs: readonly Input[]): Promise<string | undefined> {
    if (this.#read.length > 0) void this.#takeRead();
    return this.#decide(inputs);
  }

  /** Decides; stores what changed, then sends. */
  #decide(inputs: readonly Input[]): Promise<string | undefined> {
    const before = this.#state;
    const effects: Effect[] = [];
    let refused: string | undefined;
    for (const input of inputs) {
      const decision = decide(this.#plan, this.#state, input, this.#moment());
      this.#state = decision.state;
      effects.push(...decision.effects);
      refused = decision.refused;
    }
    if (this.#state !== before) this.#options.output.changed();
    if (this.#state.stations === before.stations) return Promise.resolve(refused);
    this.#arm();
    if (effects.length === 0 && inputs.every(isOutcome)) {
      this.#store.soon(inputs.every(({ kind }) => kind === "told") ? toldWithinMs : outcomeWithinMs);
      return Promise.resolve(refused);
    }
    // Handed over first, the decision is in the next commit; the writes and their audit share it or come after.
    const stored = this.#commit(effects);
    const early = this.#carryOutEarly(effects);
    const sent = this.#track(stored.then(() => this.#send(effects, early)));
    const inputsOfEarly = [...early].map(([effect, { latencyMs }]) => sentInput(effect, latencyMs));
    if (inputsOfEarly.length > 0) void this.#decide(inputsOfEarly);
    return sent.then(() => refused);
  }

  /** Stores all that is not stored yet, and the events that come of it. */
  async #commit(effects: readonly Effect[] = []): Promise<void> {
    const open = this.#store.take();
    const messages = eventMessages(this.#options.site, effects, (effect) => this.#measure(effect));
    if (open.length > 0 || messages.length > 0) await this.#options.store.change(open, messages);
  }

  /**
   * Prepares that may be repeated wait for no disk: they are carried out in this very turn. Killed before the disk has heard of
   * it, the line decides the same again. One that is nothing but its event goes out when that does.
   */
  #carryOutEarly(effects: readonly Effect[]): ReadonlyMap<Effect, Performed> {
    const carriedOut = new Map<Effect, Performed>();
    for (const effect of effects) {
      const config = this.#plan.stations.get(effect.station);
      if (effect.event !== "prepare" || config?.prepare.repeat !== "safe") continue;
      const { writes, publications } = config.prepare;
      if (writes.length + publications.length > 0) carriedOut.set(effect, this.#carryOut(effect, config));
    }
    return carriedOut;
  }

  #carryOut(effect: Effect, config: StationConfig): Performed {
    const { station, fields } = effect;
    const writes = carryOut(this.#options, config, effect, this.#moment().now);
    const latencyMs = this.#measure(effect);
    if (latencyMs !== null) this.latencies.prepared(plainText(fields["from"]), station, latencyMs);
    return { latencyMs, writes };
  }

  /** From the source's read until now, in ms, measured once a prepare; null where a restart lies between. */
  #measure(effect: Effect): number | null {
    const known = this.#latencyOf.get(effect);
    if (known !== undefined) return known.latencyMs;
    const cycle = this.#state.stations.get(effect.station)?.cycle ?? null;
    const latencyMs = latencySince(effect, cycle, this.#moment());
    this.#latencyOf.set(effect, { latencyMs });
    return latencyMs;
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
    const sent = early === undefined ? [sentInput(effect, latencyMs)] : [];
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

  #arm(): void {
    let at = Infinity;
    for (const { cycle, phase } of this.#state.stations.values()) {
      if (phase === "preparing") at = Math.min(at, cycle?.deadline ?? Infinity);
    }
    this.#timer.set("confirmation", at);
  }
}

function lineReading(tag: string, { reading, recalled }: PublishedReading): LineReading {
  const { value, quality, timestamp, readAt } = reading;
  return { tag, value, good: quality === "good", timestamp, readAt, recalled };
}

function sentInput({ station, id }: Effect, latencyMs: number | null): Input {
  return { kind: "sent", station, id, latencyMs };
}

/** True for what is only kept in mind of something that was sent. */
function isOutcome({ kind }: Input): boolean {
  return kind === "told" || kind === "sent" || kind === "settled";
}

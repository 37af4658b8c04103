import { isDeepStrictEqual } from "node:util";
import { Subscription, type Observable } from "rxjs";
import type { Clock } from "../../adapter-kit/clock.ts";
import type { Log } from "../../adapter-kit/log.ts";
import type { AlertRule, AlertsConfig } from "../../config/alerts.ts";
import type { PublishedReading } from "../../domain/reading.ts";
import { TagPath } from "../../domain/tag-path.ts";
import type { Metric } from "../../observability/exposition.ts";
import { isolate } from "../../pipeline/isolate.ts";
import type { StateStore } from "../../store/state-store.ts";
import { Acting } from "./acting.ts";
import type { ActingAlert } from "./action-runner.ts";
import type { ActionOptions } from "./actions.ts";
import { AlertCounters } from "./alert-counters.ts";
import { indexAlerts, type AlertIndex } from "./alert-index.ts";
import {
  decodeAlert,
  decodeLife,
  encodeAlert,
  newLife,
  type AlertLife,
  type AlertRuntime,
} from "./alert-state.ts";
import { AlertStore, floodKey, isAlertKey, removedKey } from "./alert-store.ts";
import { describe, type DescribedAlert } from "./describe.ts";
import { DueTimer } from "../due-timer.ts";
import { withFirstOut } from "./first-out.ts";
import type { FloodState } from "./flood.ts";
import { FloodWatch } from "./flood-watch.ts";
import { LastSeen } from "./last-seen.ts";
import type { Seen } from "./leaf.ts";
import type { AlertRequest, Moment, Transition } from "./lifecycle.ts";
import { reviewed } from "./open-actions.ts";
import { RemovedAlerts } from "./removed-alerts.ts";
import { freshRuntime, resumeRuntime, runtimeDueAt, step, type AlertInput, type AlertPlan } from "./step.ts";

/** That a delay began is stored within this time, that an action is done sooner: flash wears out. */
const delayWithinMs = 1_000;
const actionWithinMs = 20;

interface DeviceChange {
  readonly device: string;
  readonly state: { readonly state: string };
}

export interface LineEventSeen {
  readonly station: string;
  readonly event: string;
}

/** Where alerts are shown. Nothing here throws or waits. */
export interface AlertOutput {
  /** The present state, retained on MQTT and in the bucket. */
  state(path: TagPath, alert: string, json: string): void;
  /** There is no such alert any more. */
  removed(path: TagPath, alert: string): void;
  /** Something about alerts in general, such as a flood. */
  event(name: string, data: object): void;
}

export interface AlertingOptions extends ActionOptions {
  readonly site: string;
  readonly readings$: Observable<PublishedReading>;
  readonly deviceStates$: Observable<DeviceChange>;
  readonly lineEvents$: Observable<LineEventSeen>;
  /** The last reading of a tag, by its topic, as far as it is known here. */
  readonly lastReadings: (topic: string) => PublishedReading | undefined;
  readonly store: StateStore;
  readonly output: AlertOutput;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Runs the alerts: what is seen, what is asked and the time in, decisions by `step`. A write that an alert calls for is
 * begun at once; its event is told when it is stored, and what else it calls for is done then.
 */
export class AlertingService {
  readonly #options: AlertingOptions;
  readonly #counters = new AlertCounters();
  #config: AlertsConfig;
  #index: AlertIndex;
  readonly #runtimes = new Map<string, AlertRuntime>();
  readonly #last: LastSeen;
  readonly #subscription = new Subscription();
  readonly #acting: Acting;
  readonly #store: AlertStore;
  readonly #timer: DueTimer;
  /** Unix ms less the monotonic clock, at the start. */
  readonly #origin: number;
  readonly #flood: FloodWatch;
  readonly #removed = new RemovedAlerts();

  constructor(config: AlertsConfig, options: AlertingOptions) {
    const { clock, log, store, output } = options;
    this.#options = options;
    this.#last = new LastSeen(options.lastReadings);
    this.#config = config;
    this.#index = indexAlerts(config, options.site);
    this.#origin = clock.now() - clock.monotonic();
    this.#store = new AlertStore({ store, clock, log, encode: (alert) => this.#encode(alert) });
    this.#timer = new DueTimer({ clock, log, steady: () => this.moment().steady, ring: () => this.#ring() });
    this.#flood = new FloodWatch({
      tell: (data) => output.event("flood", data),
      changed: (turned) => this.#store.soon(floodKey, turned ? actionWithinMs : delayWithinMs),
      due: (at) => this.#timer.set(floodKey, at),
      log,
    });
    this.#acting = new Acting({
      ...options,
      counters: this.#counters,
      alert: (name) => this.#actingAlert(name),
      mayBeOnline: (device) => this.#last.isOnline(device) !== false,
      ended: (alert, action, waitsFor) => {
        this.#take(alert, { kind: "action", action, ...(waitsFor === undefined ? {} : { waitsFor }) });
      },
      tell: (event, data) => output.event(event, data),
    });
  }

  get config(): AlertsConfig {
    return this.#config;
  }

  get flood(): FloodState {
    return this.#flood.state;
  }

  /** The time as the alerts have it. */
  moment(): Moment {
    const { clock } = this.#options;
    return { now: clock.now(), steady: this.#origin + clock.monotonic(), values: this.#last.readings };
  }

  /** Goes on from the store, shows every alert, and sees from now on. */
  start(): void {
    const { readings$, deviceStates$, lineEvents$, log } = this.#options;
    const stored = this.#store.read();
    this.#removed.goOn(stored.get(removedKey));
    this.#flood.goOn(stored.get(floodKey), this.#config.flood, this.moment().steady);
    this.#put(stored);
    const see = <T>(stream: Observable<T>, next: (value: T) => void) =>
      this.#subscription.add(stream.subscribe(isolate("alerting", log, next)));
    see(readings$, (reading) => this.#read(reading));
    see(deviceStates$, ({ device, state }) => this.#seeDevice(device, state.state));
    see(lineEvents$, ({ station, event }) =>
      this.#see(this.#index.stations.get(station), { kind: "line", station, event }),
    );
    const known = this.#last.known(new Set(this.#index.plans.keys()), this.#index);
    for (const [name, { rule }] of this.#index.plans) {
      const { sequence } = this.#lifeOf(rule);
      this.#take(name, { kind: "known", seen: known.get(name) ?? [] });
      this.#show(rule);
      this.#acting.runner.goOn(name, sequence);
    }
    for (const [name, json] of stored)
      if (isAlertKey(name) && !this.#index.plans.has(name)) void this.#remove(name, decodeLife(json));
  }

  /** Sees no more; resolves when what was decided is stored and told. Webhooks under way are to be stopped before. */
  async stop(): Promise<void> {
    this.#subscription.unsubscribe();
    this.#timer.stop();
    await this.#acting.runner.stop();
    await this.#store.stop();
  }

  /** An edited alerts.yaml: alerts that are what they were go on as if nothing had been. */
  async apply(config: AlertsConfig): Promise<void> {
    if (isDeepStrictEqual(config, this.#config)) return;
    const { plans } = this.#index;
    const known = new Map([...plans.keys()].map((name) => [name, this.#encode(name) ?? ""]));
    this.#config = config;
    this.#index = indexAlerts(config, this.#options.site);
    this.#last.keep(this.#index);
    const gone = [...plans.keys()].filter((name) => !this.#index.plans.has(name));
    const touched = [...this.#index.plans.values()].filter(
      ({ rule }) => !isDeepStrictEqual(rule, plans.get(rule.name)?.rule),
    );
    for (const { rule } of touched) this.#runtimes.delete(rule.name);
    this.#put(known);
    const stands = this.#last.known(new Set(touched.map(({ rule }) => rule.name)), this.#index);
    for (const { rule } of touched) {
      this.#take(rule.name, { kind: "known", seen: stands.get(rule.name) ?? [] });
      this.#show(rule);
      this.#store.soon(rule.name, actionWithinMs);
    }
    this.#options.log.info({ alerts: config.alerts.length }, "the edited alerts.yaml is in force");
    await Promise.all(gone.map((name) => this.#remove(name, this.#runtimes.get(name)?.life)));
  }

  /** Every alert, as an operator wants to know it. */
  list(): readonly DescribedAlert[] {
    return [...this.#index.plans.values()].map(({ rule }) => this.#describe(rule));
  }

  metrics(): Iterable<Metric> {
    return this.#counters.metrics(this.list(), this.flood.since !== null);
  }

  /** Carries out a request of a person's; resolves when it is stored, with why it was refused where it was. */
  async request(alert: string, asked: AlertRequest): Promise<string | undefined> {
    if (!this.#index.plans.has(alert)) return `There is no alert ${JSON.stringify(alert)}.`;
    const { refused, told } = this.#take(alert, { kind: "request", request: asked });
    await told;
    return refused;
  }

  #encode(name: string): string | undefined {
    if (name === floodKey) return this.#flood.encode();
    if (name === removedKey) return this.#removed.encode();
    const plan = this.#index.plans.get(name);
    const runtime = this.#runtimes.get(name);
    return plan === undefined || runtime === undefined ? undefined : encodeAlert(plan.rule, runtime);
  }

  /** Takes stored alerts over where none runs, and begins those that are new. */
  #put(stored: ReadonlyMap<string, string>): void {
    const moment = this.moment();
    for (const [name, plan] of this.#index.plans) {
      if (this.#runtimes.has(name)) continue;
      const json = stored.get(name);
      const known = json === undefined ? undefined : decodeAlert(plan.rule, json);
      if (json !== undefined && known === undefined) {
        const words = "what the store holds of this alert can't be read; it begins anew";
        this.#options.log.error({ alert: name }, words);
      }
      const runtime =
        known === undefined
          ? this.#fresh(plan, moment)
          : resumeRuntime(plan, known, known.sameConditions, moment);
      this.#begin(plan, runtime, moment);
    }
  }

  /** One that was there before goes on with its numbers. */
  #fresh(plan: AlertPlan, moment: Moment): AlertRuntime {
    const runtime = freshRuntime(plan, moment);
    const sequence = this.#removed.sequenceOf(plan.rule.name);
    return sequence === 0 ? runtime : { ...runtime, life: { ...runtime.life, sequence } };
  }

  /** What is open is done if alerts.yaml still says so; nothing else is done in its place. */
  #begin(plan: AlertPlan, runtime: AlertRuntime, moment: Moment): void {
    const { rule } = plan;
    const { kept, left } = reviewed(rule, runtime.life.open);
    const life = left.length === 0 ? runtime.life : { ...runtime.life, open: kept };
    this.#runtimes.set(rule.name, { ...runtime, life });
    this.#timer.set(rule.name, runtimeDueAt(plan, runtime, moment));
    if (left.length === 0) return;
    this.#acting.edited(rule.name, left);
    this.#store.soon(rule.name, actionWithinMs);
  }

  /** It was taken out of alerts.yaml, now or while the gateway was away. */
  async #remove(name: string, life: AlertLife = newLife): Promise<void> {
    const { site, output, clock } = this.#options;
    this.#acting.edited(name, life.open);
    this.#acting.runner.forgetAlert(name);
    this.#runtimes.delete(name);
    this.#timer.set(name, Infinity);
    const sequence = life.sequence + 1;
    this.#removed.set(name, sequence);
    const path = new TagPath("alert", site, name);
    const payload = JSON.stringify({ alert: name, event: "removed", timestamp: clock.now(), sequence });
    const message = { stream: "EVENTS", subject: path.subject, payload } as const;
    await this.#store.now([name, removedKey], [message], () => output.removed(path, name));
  }

  /** The hot path: one look-up for readings that no alert looks at. */
  #read(published: PublishedReading): void {
    const known = this.#index.tags.get(published.reading.path.topic);
    if (known === undefined) return;
    this.#counters.readings += 1;
    this.#see(known.alerts, this.#last.read(known.tag, published));
  }

  #seeDevice(device: string, state: string): void {
    if (state !== "online" && state !== "offline") return;
    const online = state === "online";
    this.#last.device(device, online);
    this.#see(this.#index.devices.get(device), { kind: "device", device, online });
    if (!online) return;
    for (const name of this.#index.plans.keys()) this.#acting.runner.deviceIsBack(device, name);
  }

  #see(alerts: readonly string[] = [], seen: Seen): void {
    for (const alert of alerts) this.#take(alert, { kind: "seen", seen });
  }

  /** Decides for one alert, stores and tells what came of it. */
  #take(
    name: string,
    input: AlertInput,
  ): { readonly refused: string | undefined; readonly told: Promise<void> } {
    const plan = this.#index.plans.get(name);
    const before = this.#runtimes.get(name);
    const nothing = { refused: undefined, told: Promise.resolve() };
    if (plan === undefined || before === undefined) return nothing;
    const moment = this.moment();
    const { runtime, transitions, refused } = step(plan, before, input, moment);
    if (runtime === before) return { ...nothing, refused };
    this.#runtimes.set(name, runtime);
    this.#timer.set(name, runtimeDueAt(plan, runtime, moment));
    if (input.kind !== "action") this.#acting.decided(plan.rule, before.life, runtime.life);
    if (transitions.length > 0) return { refused, told: this.#tell(plan, transitions, moment) };
    if (runtime.life !== before.life)
      this.#store.soon(name, input.kind === "action" ? actionWithinMs : delayWithinMs);
    return { ...nothing, refused };
  }

  #tell(plan: AlertPlan, transitions: readonly Transition[], moment: Moment): Promise<void> {
    const { rule } = plan;
    const { site, output, log } = this.#options;
    const raised = transitions.filter(({ event }) => event === "raised").length;
    const { firstOut, raises } = this.#markStanding(rule, transitions);
    const path = new TagPath("alert", site, rule.name);
    const texts = transitions.map(({ life }) =>
      JSON.stringify(describe(rule, { ...life, firstOut, raises }, this.#config.chatter, moment)),
    );
    for (const { event } of transitions) {
      this.#counters.told(rule.priority, event);
      log.info({ alert: rule.name, event, priority: rule.priority }, "alert");
    }
    const { runner } = this.#acting;
    const sequence = transitions.at(-1)?.sequence ?? 0;
    // The line is stopped or slowed first: a disk takes milliseconds, and a write that is done twice is the same.
    runner.write(rule.name);
    const messages = texts.map((payload) => ({ stream: "EVENTS", subject: path.subject, payload }) as const);
    const told = this.#store.now([rule.name], messages, () => {
      for (const text of texts) output.state(path, rule.name, text);
      runner.goOn(rule.name, sequence);
    });
    if (raised > 0) this.#flood.count(this.#config.flood, raised, moment.steady);
    return told;
  }

  #markStanding(rule: AlertRule, transitions: readonly Transition[]): AlertLife {
    const before = this.#lifeOf(rule);
    const { name, group = "" } = rule;
    const others = () =>
      (this.#index.groups.get(group) ?? []).flatMap((other) => {
        const life = other === name ? undefined : this.#runtimes.get(other)?.life;
        return life === undefined ? [] : [life];
      });
    const life = withFirstOut(rule, before, transitions, this.#config, others);
    const runtime = this.#runtimes.get(name);
    if (runtime !== undefined && life !== before) this.#runtimes.set(name, { ...runtime, life });
    return life;
  }

  #actingAlert(name: string): ActingAlert | undefined {
    const rule = this.#index.plans.get(name)?.rule;
    const life = this.#runtimes.get(name)?.life;
    return rule === undefined || life === undefined
      ? undefined
      : { rule, life, describe: () => this.#describe(rule) };
  }

  #lifeOf({ name }: AlertRule): AlertRuntime["life"] {
    return this.#runtimes.get(name)?.life ?? newLife;
  }

  #describe(rule: AlertRule): DescribedAlert {
    return describe(rule, this.#lifeOf(rule), this.#config.chatter, this.moment());
  }

  #show(rule: AlertRule): void {
    const path = new TagPath("alert", this.#options.site, rule.name);
    this.#options.output.state(path, rule.name, JSON.stringify(this.#describe(rule)));
  }

  #ring(): void {
    for (const name of this.#timer.due()) {
      const plan = this.#index.plans.get(name);
      this.#take(name, { kind: "tick" });
      const runtime = this.#runtimes.get(name);
      if (plan !== undefined && runtime !== undefined)
        this.#timer.set(name, runtimeDueAt(plan, runtime, this.moment()));
    }
    this.#flood.count(this.#config.flood, 0, this.moment().steady);
  }
}

import { isDeepStrictEqual } from "node:util";
import { Subscription, type Observable } from "rxjs";
import type { Clock } from "../../adapter-kit/clock.ts";
import type { Log } from "../../adapter-kit/log.ts";
import type { AlertRule, AlertsConfig } from "../../config/alerts.ts";
import type { PublishedReading, TagValue } from "../../domain/reading.ts";
import { TagPath } from "../../domain/tag-path.ts";
import type { Metric } from "../../observability/exposition.ts";
import { isolate } from "../../pipeline/isolate.ts";
import type { StateStore } from "../../store/state-store.ts";
import { ActionRunner, type ActingAlert } from "./action-runner.ts";
import type { ActionOptions } from "./actions.ts";
import { AlertCounters } from "./alert-counters.ts";
import { indexAlerts, type AlertIndex } from "./alert-index.ts";
import { decodeAlert, encodeAlert, newLife, type AlertRuntime } from "./alert-state.ts";
import { AlertStore } from "./alert-store.ts";
import { describe, isStanding, type DescribedAlert } from "./describe.ts";
import { DueTimer } from "./due-timer.ts";
import { flow, floodDueAt, noFlood, type FloodState } from "./flood.ts";
import type { Seen } from "./leaf.ts";
import type { AlertRequest, Moment, Transition } from "./lifecycle.ts";
import { freshRuntime, resumeRuntime, runtimeDueAt, step, type AlertInput, type AlertPlan } from "./step.ts";

/** That a delay began is stored within this time, that an action is done sooner: flash wears out. */
const delayWithinMs = 1_000;
const actionWithinMs = 20;

/** No alert's name: what the timer has for the flood. */
const floodDue = "";

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
  readonly #values = new Map<string, TagValue | null>();
  readonly #online = new Map<string, boolean>();
  readonly #subscription = new Subscription();
  readonly #runner: ActionRunner;
  readonly #store: AlertStore;
  readonly #timer: DueTimer;
  /** Unix ms less the monotonic clock, at the start. */
  readonly #origin: number;
  #flood: FloodState = noFlood;

  constructor(config: AlertsConfig, options: AlertingOptions) {
    const { clock, log, store, output } = options;
    this.#options = options;
    this.#config = config;
    this.#index = indexAlerts(config, options.site);
    this.#origin = clock.now() - clock.monotonic();
    this.#store = new AlertStore({ store, clock, log, encode: (alert) => this.#encode(alert) });
    this.#timer = new DueTimer({ clock, log, steady: () => this.moment().steady, ring: () => this.#ring() });
    this.#runner = new ActionRunner({
      ...options,
      ended: (alert, action, waitsFor) => {
        this.#take(alert, { kind: "action", action, ...(waitsFor === undefined ? {} : { waitsFor }) });
      },
      failed: (alert, { on }, message) => {
        this.#counters.failedActions += 1;
        output.event("action-failed", { alert, on, message });
      },
    });
  }

  get config(): AlertsConfig {
    return this.#config;
  }

  get flood(): FloodState {
    return this.#flood;
  }

  /** The time as the alerts have it. */
  moment(): Moment {
    const { clock } = this.#options;
    return { now: clock.now(), steady: this.#origin + clock.monotonic(), values: this.#values };
  }

  /** Goes on from the store, shows every alert, and sees from now on. */
  start(): void {
    const { readings$, deviceStates$, lineEvents$, log } = this.#options;
    this.#put(this.#store.read());
    const see = <T>(stream: Observable<T>, next: (value: T) => void) =>
      this.#subscription.add(stream.subscribe(isolate("alerting", log, next)));
    see(readings$, (reading) => this.#read(reading));
    see(deviceStates$, ({ device, state }) => this.#seeDevice(device, state.state));
    see(lineEvents$, ({ station, event }) =>
      this.#see(this.#index.stations.get(station), { kind: "line", station, event }),
    );
    for (const [name, plan] of this.#index.plans) {
      this.#take(name, { kind: "tick" });
      this.#show(plan.rule);
      this.#runner.goOn(this.#acting(plan.rule));
    }
  }

  /** Sees no more; resolves when what was decided is stored and told. Webhooks under way are to be stopped before. */
  async stop(): Promise<void> {
    this.#subscription.unsubscribe();
    this.#timer.stop();
    await this.#runner.ended();
    await this.#store.stop();
  }

  /** An edited alerts.yaml: alerts that are what they were go on as if nothing had been. */
  async apply(config: AlertsConfig): Promise<void> {
    if (isDeepStrictEqual(config, this.#config)) return;
    const { plans } = this.#index;
    const known = new Map([...plans.keys()].map((name) => [name, this.#encode(name) ?? ""]));
    this.#config = config;
    this.#index = indexAlerts(config, this.#options.site);
    const gone = [...plans.keys()].filter((name) => !this.#index.plans.has(name));
    const touched = [...this.#index.plans.values()].filter(
      ({ rule }) => !isDeepStrictEqual(rule, plans.get(rule.name)?.rule),
    );
    for (const { rule } of touched) this.#runtimes.delete(rule.name);
    this.#put(known);
    for (const { rule } of touched) {
      for (const [device, online] of this.#online)
        this.#take(rule.name, { kind: "seen", seen: { kind: "device", device, online } });
      this.#take(rule.name, { kind: "tick" });
      this.#show(rule);
      this.#store.soon(rule.name, actionWithinMs);
    }
    this.#options.log.info({ alerts: config.alerts.length }, "the edited alerts.yaml is in force");
    await Promise.all(gone.map((name) => this.#remove(name)));
  }

  /** Every alert, as an operator wants to know it. */
  list(): readonly DescribedAlert[] {
    return [...this.#index.plans.values()].map(({ rule }) => this.#describe(rule));
  }

  metrics(): Iterable<Metric> {
    return this.#counters.metrics(this.list(), this.#flood.since !== null);
  }

  /** Carries out a request of a person's; resolves when it is stored, with why it was refused where it was. */
  async request(alert: string, asked: AlertRequest): Promise<string | undefined> {
    if (!this.#index.plans.has(alert)) return `There is no alert ${JSON.stringify(alert)}.`;
    const { refused, told } = this.#take(alert, { kind: "request", request: asked });
    await told;
    return refused;
  }

  #encode(name: string): string | undefined {
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
          ? freshRuntime(plan, moment)
          : resumeRuntime(plan, known, known.sameConditions, moment);
      this.#runtimes.set(name, runtime);
      this.#timer.set(name, runtimeDueAt(plan, runtime, moment));
    }
  }

  async #remove(name: string): Promise<void> {
    const { site, output, clock } = this.#options;
    this.#runtimes.delete(name);
    this.#timer.set(name, Infinity);
    const path = new TagPath("alert", site, name);
    const payload = JSON.stringify({ alert: name, event: "removed", timestamp: clock.now() });
    await this.#store.now(name, [{ stream: "EVENTS", subject: path.subject, payload }], () =>
      output.removed(path, name),
    );
  }

  /** The hot path: one look-up for readings that no alert looks at. */
  #read({ reading }: PublishedReading): void {
    const known = this.#index.tags.get(reading.path.topic);
    if (known === undefined) return;
    this.#counters.readings += 1;
    const { value, quality, timestamp } = reading;
    this.#values.set(known.tag, value);
    this.#see(known.alerts, { kind: "reading", tag: known.tag, value, quality, timestamp });
  }

  #seeDevice(device: string, state: string): void {
    if (state !== "online" && state !== "offline") return;
    const online = state === "online";
    this.#online.set(device, online);
    this.#see(this.#index.devices.get(device), { kind: "device", device, online });
    if (!online) return;
    for (const { rule } of this.#index.plans.values()) this.#runner.deviceIsBack(device, this.#acting(rule));
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
    if (transitions.length > 0) return { refused, told: this.#tell(plan, transitions, moment) };
    if (runtime.life !== before.life)
      this.#store.soon(name, input.kind === "action" ? actionWithinMs : delayWithinMs);
    return { ...nothing, refused };
  }

  #tell(plan: AlertPlan, transitions: readonly Transition[], moment: Moment): Promise<void> {
    const { rule } = plan;
    const { site, output, log } = this.#options;
    const raised = transitions.filter(({ event }) => event === "raised").length;
    const { firstOut, raises } = raised > 0 ? this.#markRaised(rule) : this.#lifeOf(rule);
    const path = new TagPath("alert", site, rule.name);
    const texts = transitions.map(({ life }) =>
      JSON.stringify(describe(rule, { ...life, firstOut, raises }, this.#config.chatter, moment)),
    );
    for (const { event } of transitions) {
      this.#counters.told(rule.priority, event);
      log.info({ alert: rule.name, event, priority: rule.priority }, "alert");
    }
    const acting = this.#acting(rule);
    // The line is stopped or slowed first: a disk takes milliseconds, and a write that is done twice is the same.
    this.#runner.write(acting);
    const messages = texts.map((payload) => ({ stream: "EVENTS", subject: path.subject, payload }) as const);
    const told = this.#store.now(rule.name, messages, () => {
      for (const text of texts) output.state(path, rule.name, text);
      this.#runner.goOn(acting);
    });
    if (raised > 0) this.#countFlood(raised, moment);
    return told;
  }

  /** Of a group the first that is raised while nothing else of it stands; the last times, for the chatter. */
  #markRaised(rule: AlertRule): AlertRuntime["life"] {
    const { name, group } = rule;
    const before = this.#lifeOf(rule);
    const others = group === undefined ? [] : (this.#index.groups.get(group) ?? []);
    const firstOut =
      group === undefined
        ? null
        : others.every((other) => {
            const life = this.#runtimes.get(other)?.life;
            return other === name || life === undefined || !isStanding(life);
          });
    const life = { ...before, firstOut, raises: before.raises.slice(-this.#config.chatter.times) };
    const runtime = this.#runtimes.get(name);
    if (runtime !== undefined) this.#runtimes.set(name, { ...runtime, life });
    return life;
  }

  #countFlood(raised: number, moment: Moment): void {
    const { log, output } = this.#options;
    const limits = this.#config.flood;
    const { since } = this.#flood;
    this.#flood = flow(limits, this.#flood, raised, moment.steady);
    this.#timer.set(floodDue, floodDueAt(limits, this.#flood));
    if (since === null && this.#flood.since !== null) {
      const { alerts, within } = limits;
      log.warn({ alerts, withinMs: within }, "alerts come faster than anybody can follow them");
      output.event("flood", { active: true, alerts, withinMs: within });
    } else if (since !== null && this.#flood.since === null) {
      const lastedMs = Math.round(moment.steady - since);
      log.info({ lastedMs }, "the flood of alerts is over");
      output.event("flood", { active: false, lastedMs });
    }
  }

  #acting(rule: AlertRule): ActingAlert {
    const life = () => this.#runtimes.get(rule.name)?.life;
    return { rule, life, describe: () => this.#describe(rule) };
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
    this.#countFlood(0, this.moment());
  }
}

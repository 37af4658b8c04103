import { plainText } from "../domain/reading.ts";
import type { Clock } from "../adapter-kit/clock.ts";
import { hostPort, type DemoGateway } from "./demo-gateway.ts";
import { DemoSubscriber, findSetpoint } from "./demo-nats.ts";
import { DemoOperator } from "./demo-operator.ts";
import type { DemoView } from "./demo-output.ts";
import type { DemoSummary } from "./demo-summary.ts";
import type { DemoPicture } from "./demo-view.ts";

export interface DemoRunOptions extends Pick<DemoGateway, "site" | "table" | "addresses" | "alerts"> {
  readonly view: DemoView;
  readonly clock: Clock;
}

const repaintMs = 250;
const firstWriteMs = 1_000;
const writeEveryMs = 5_000;
const lookEveryMs = 1_000;
const farewellMs = 500;

/** The demo while it runs: repaints, writes a setpoint now and then, and counts what NATS delivers. */
export class DemoRun {
  readonly #options: DemoRunOptions;
  readonly #subscriber: DemoSubscriber;
  readonly #operator: DemoOperator;
  readonly #setpoint: ReturnType<typeof findSetpoint>;
  readonly #startedAt: number;
  readonly #timers: NodeJS.Timeout[] = [];
  #lastWrite = "";
  #writing: Promise<void> = Promise.resolve();
  #rate = { readings: 0, at: 0, perSecond: 0 };

  private constructor(options: DemoRunOptions, subscriber: DemoSubscriber) {
    this.#options = options;
    this.#subscriber = subscriber;
    this.#operator = new DemoOperator({
      site: options.site,
      alerts: options.alerts,
      valueOf: (tag) => options.table.valueOf(tag),
      connection: subscriber.connection,
      now: () => options.clock.now(),
    });
    this.#setpoint = findSetpoint(options.site);
    this.#startedAt = options.clock.monotonic();
  }

  static async start(options: DemoRunOptions): Promise<DemoRun> {
    const run = new DemoRun(options, await DemoSubscriber.connect(options.addresses.nats));
    run.#schedule();
    return run;
  }

  /** Shows the end; resolves with the figures. */
  async finish(): Promise<DemoSummary> {
    this.#stopTimers();
    await this.#arrivals();
    const { table, view } = this.#options;
    const summary: DemoSummary = {
      devices: table.devices.length,
      online: table.online,
      readings: table.readings,
      badReadings: table.badReadings,
      natsMessages: this.#subscriber.messages,
      writes: this.#subscriber.writes,
      alerts: this.#options.alerts().reduce((sum, { count }) => sum + count, 0),
    };
    view.finish(this.#picture(), summary);
    return summary;
  }

  /** Leaves no timer and no connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopTimers();
    await this.#subscriber.close();
  }

  /** What is still under way arrives; a server that hangs does not hold up the end. */
  async #arrivals(): Promise<void> {
    const patience = new AbortController();
    const tooLong = this.#options.clock.sleep(farewellMs, patience.signal).catch(() => undefined);
    await Promise.race([Promise.all([this.#writing, this.#subscriber.flush()]), tooLong]);
    patience.abort();
  }

  #schedule(): void {
    const { view } = this.#options;
    this.#timers.push(
      setInterval(() => view.show(this.#picture()), repaintMs),
      setTimeout(() => this.#write(), firstWriteMs),
      setInterval(() => this.#write(), writeEveryMs),
      setInterval(() => void this.#operator.look(), lookEveryMs),
    );
  }

  #stopTimers(): void {
    for (const timer of this.#timers.splice(0)) clearTimeout(timer);
  }

  #write(): void {
    const setpoint = this.#setpoint;
    if (setpoint === undefined) return;
    const held = this.#options.table.valueOf(setpoint.name);
    if (this.#subscriber.writes > 0 && !setpoint.values.some((value) => value === held)) {
      this.#lastWrite = `${setpoint.name} was set to ${plainText(held)} by somebody else: the demo writes no more`;
      return;
    }
    this.#writing = this.#subscriber.write(setpoint).then((outcome) => {
      this.#lastWrite = outcome;
    });
  }

  #picture(): DemoPicture {
    const { site, table, clock, addresses } = this.#options;
    const { mqtt, http } = addresses;
    return {
      gateway: site.gateway.gateway,
      site: site.gateway.site,
      addresses: { mqtt: hostPort(mqtt), nats: addresses.nats, http: hostPort(http) },
      devices: table.devices,
      online: table.online,
      readings: table.readings,
      readingsPerSecond: this.#perSecond(),
      badReadings: table.badReadings,
      natsMessages: this.#subscriber.messages,
      writes: this.#subscriber.writes,
      rssBytes: process.memoryUsage.rss(),
      elapsedMs: clock.monotonic() - this.#startedAt,
      now: clock.now(),
      hints: this.#hints(),
      alerts: this.#options.alerts().filter(({ state }) => state !== "normal"),
      notes: [this.#lastWrite, this.#operator.lastDeed].filter((note) => note !== ""),
    };
  }

  #hints(): DemoPicture["hints"] {
    const { mqtt, nats } = this.#options.addresses;
    const at = `-h ${mqtt.host} -p ${mqtt.port}`;
    const subscribe = {
      what: "Subscribe",
      commands: [`mosquitto_sub ${at} -t 'data/#' -v`, `nats sub -s ${nats} 'data.>'`, "any other client"],
    };
    const setpoint = this.#setpoint;
    if (setpoint === undefined) return [subscribe];
    const request = `'{"value":${setpoint.example}}'`;
    const write = [
      `mosquitto_pub ${at} -t ${setpoint.topic} -m ${request}`,
      `nats request -s ${nats} ${setpoint.subject} ${request}`,
    ];
    return [subscribe, { what: "Write", commands: write }];
  }

  /** Over the last second or two, so that the figure is calm. */
  #perSecond(): number {
    const now = this.#options.clock.monotonic();
    const { readings } = this.#options.table;
    const since = now - this.#rate.at;
    if (since >= 1_000) {
      const perSecond = this.#rate.at === 0 ? 0 : ((readings - this.#rate.readings) * 1_000) / since;
      this.#rate = { readings, at: now, perSecond };
    }
    return this.#rate.perSecond;
  }
}

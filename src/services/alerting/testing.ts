import { Subject } from "rxjs";
import type { AlertCondition, AlertRule, AlertsConfig } from "../../config/alerts.ts";
import { ms } from "../../domain/duration.ts";
import type { PublishedReading, Quality, TagValue } from "../../domain/reading.ts";
import { TagPath } from "../../domain/tag-path.ts";
import type { WriteOrder, WriteOutcome } from "../commands/command-port.ts";
import { FakeClock, FakeStore, settle } from "../testing.ts";
import type { ActionEnd } from "./action-end.ts";
import { AlertingService } from "./alerting-service.ts";
import type { DescribedAlert } from "./describe.ts";

export const site = "plant1/line1";

/** Above 200, gone again at 195. */
export const over: AlertCondition = { kind: "above", tag: "press-1/pressure", limit: 200, deadband: 5 };

/** Overpressure with nothing but its name and condition, and whatever is given. */
export function rule(more: Partial<AlertRule> = {}): AlertRule {
  return {
    name: "overpressure",
    message: "Pressure ${value}",
    priority: "critical",
    when: over,
    onDelay: ms(0),
    offDelay: ms(0),
    latch: false,
    acknowledge: true,
    actions: [],
    ...more,
  };
}

export function alertsOf(...alerts: readonly AlertRule[]): AlertsConfig {
  return {
    alerts,
    flood: { alerts: 10, within: ms(600_000) },
    chatter: { times: 3, within: ms(60_000) },
  };
}

/** Slows the press. */
export const slowDown = {
  on: "raised",
  kind: "write",
  tag: "press-1/setpoint",
  value: 300,
} as const;

/** Sets the speed again. */
export const restore = { ...slowDown, on: "cleared", value: 900 } as const;

export const hook = {
  on: "raised",
  kind: "webhook",
  url: "http://127.0.0.1/",
  headers: {},
  timeout: ms(1_000),
  retryFor: ms(60_000),
} as const;

/** What the guarded writer answers where the device does not. */
export const timedOut = {
  ok: false,
  code: "DEVICE_TIMEOUT",
  message: "press-1 does not answer",
  tookMs: 1,
} as const;

/** Alerting on fakes: what it shows, tells, writes and posts is kept. */
export function testAlerts(
  config: AlertsConfig,
  given: {
    store?: FakeStore;
    clock?: FakeClock;
    outcome?: WriteOutcome;
    /** The last readings that the gateway has, by topic. */
    last?: Map<string, PublishedReading>;
  } = {},
) {
  const {
    store = new FakeStore(),
    clock = new FakeClock(),
    last = new Map<string, PublishedReading>(),
  } = given;
  const readings = new Subject<PublishedReading>();
  const devices = new Subject<{ device: string; state: { state: string } }>();
  const line = new Subject<{ station: string; event: string }>();
  const shown: DescribedAlert[] = [];
  const removed: string[] = [];
  const events: { name: string; data: object }[] = [];
  const writes: WriteOrder[] = [];
  const messages: string[] = [];
  const posts: { alert: string; on: string }[] = [];
  const log: string[] = [];
  const answers: { write: WriteOutcome | Promise<WriteOutcome>; post: ActionEnd | Promise<ActionEnd> } = {
    write: given.outcome ?? { ok: true, tookMs: 1 },
    post: { end: "done" },
  };
  const keep = (_: object, message: string) => void log.push(message);
  const service = new AlertingService(config, {
    site,
    readings$: readings,
    deviceStates$: devices,
    lineEvents$: line,
    lastReadings: (topic) => last.get(topic),
    store,
    clock,
    commands: {
      write: async (order) => {
        writes.push(order);
        return Promise.resolve(answers.write);
      },
    },
    webhooks: {
      post: async (_, { alert, on }) => {
        posts.push({ alert, on });
        return Promise.resolve(answers.post);
      },
    },
    message: (to, name, json) => void messages.push(`${to} ${name} ${json}`),
    output: {
      state: (path, alert, json) => {
        shown.push({ topic: path.topic, ...(JSON.parse(json) as DescribedAlert), alert });
      },
      removed: (_, alert) => void removed.push(alert),
      event: (name, data) => void events.push({ name, data }),
    },
    log: { debug: () => {}, info: () => {}, warn: keep, error: keep },
  });
  service.start();
  let sequence = 0;
  const publish = async (published: PublishedReading) => {
    last.set(published.reading.path.topic, published);
    readings.next(published);
    await settle();
  };
  const read = (value: TagValue | null, tag = "press-1/pressure", quality: Quality = "good") => {
    const reading = {
      path: new TagPath("data", site, tag),
      value,
      quality,
      timestamp: clock.now(),
      sequence: (sequence += 1),
      readAt: clock.monotonic(),
    };
    return publish({ reading, json: "", payload: Buffer.alloc(0) });
  };
  const see = async (device: string, state: string) => {
    devices.next({ device, state: { state } });
    await settle();
  };
  const tell = async (station: string, event: string) => {
    line.next({ station, event });
    await settle();
  };
  const stateOf = (name = "overpressure") => service.list().find(({ alert }) => alert === name)?.state;
  /** What was committed to be told, as `alert event`. */
  const story = () =>
    store.messages.map(({ payload }) => {
      const { alert, event } = JSON.parse(String(payload)) as { alert: string; event: string };
      return `${alert} ${event}`;
    });
  return {
    service,
    store,
    clock,
    publish,
    read,
    see,
    tell,
    stateOf,
    story,
    shown,
    removed,
    events,
    writes,
    messages,
    posts,
    answers,
    log,
  };
}

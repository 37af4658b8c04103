import { Subject } from "rxjs";
import type { LineConfig, StationConfig } from "../../config/line.ts";
import { ms } from "../../domain/duration.ts";
import type { PublishedReading, TagValue } from "../../domain/reading.ts";
import { TagPath } from "../../domain/tag-path.ts";
import type { CommandPort, WriteOrder, WriteOutcome } from "../commands/command-port.ts";
import { FakeClock, FakeStore, settle } from "../testing.ts";
import type { LineEvent } from "./state.ts";
import { SchedulingService, type SchedulingOptions } from "./scheduling-service.ts";

/** A station with nothing but a name, and whatever is given. */
export function station(name: string, more: Partial<StationConfig> = {}): StationConfig {
  return { name, ready: [], prepare: { repeat: "safe", writes: [], publications: [] }, ...more };
}

export function after(...stations: readonly string[]): Pick<StationConfig, "after"> {
  return { after: { mode: "all", stations, initial: {} } };
}

export const rise = (tag: string): Pick<StationConfig, "complete"> => ({
  complete: { tag, kind: "edge", edge: "rise" },
});

export const counter = (tag: string, more: { rollover?: string; most?: number } = {}) => ({
  complete: { tag, kind: "counter", most: 100, ...more } as const,
});

export const press = station("press", rise("press-1/done"));

/** A press before a welder that is written to and must confirm. */
export function pressAndWelder(welder: Partial<StationConfig> = {}): LineConfig {
  return {
    stations: [
      press,
      station("weld", {
        ...after("press"),
        ...counter("welder-1/parts"),
        prepare: { repeat: "ask", writes: [{ tag: "welder-1/setpoint", value: 8.6 }], publications: [] },
        confirm: { tag: "welder-1/clamp", is: true, within: ms(3_000) },
        ...welder,
      }),
    ],
  };
}

export interface Told {
  readonly station: string;
  readonly event: LineEvent;
  readonly part?: string;
  readonly sequence: number;
  readonly [field: string]: unknown;
}

/** A service on fakes: what it tells, publishes and writes is kept. */
export function testLine(
  line: LineConfig,
  given: { store?: FakeStore; clock?: FakeClock; away?: string; last?: Map<string, PublishedReading> } = {},
) {
  const { store = new FakeStore(), clock = new FakeClock(), away, last = new Map() } = given;
  const devices = new Subject<{ device: string; state: { state: string } }>();
  const readings = new Subject<PublishedReading>();
  const events: Told[] = [];
  const topics: string[] = [];
  const messages: { to: string; name: string; payload: unknown }[] = [];
  const writes: WriteOrder[] = [];
  const log: string[] = [];
  const see = async (device: string, state: "online" | "offline") => {
    devices.next({ device, state: { state } });
    await settle();
  };
  const answers = { next: (): Promise<WriteOutcome> => Promise.resolve({ ok: true, tookMs: 1 }) };
  const commands: CommandPort = {
    write: (order) => {
      writes.push(order);
      return answers.next();
    },
  };
  const options: SchedulingOptions = {
    site: "plant1/line1",
    readings$: readings,
    deviceStates$: devices,
    isOnline: (device) => device !== away,
    lastReadings: (topic) => last.get(topic),
    store,
    clock,
    commands,
    output: {
      event: (path, json) => {
        topics.push(path.topic);
        events.push(JSON.parse(json) as Told);
      },
      changed: () => {},
      message: (to, name, json) => void messages.push({ to, name, payload: JSON.parse(json) }),
    },
    log: {
      debug: () => {},
      info: (_, message) => void log.push(message),
      warn: (_, message) => void log.push(message),
      error: (_, message) => void log.push(message),
    },
  };
  const service = new SchedulingService(line, options);
  service.start();
  let sequence = 0;
  const published = (tag: string, value: TagValue | null, recalledFrom?: number): PublishedReading => {
    const reading = {
      path: new TagPath("data", "plant1/line1", tag),
      value,
      quality: value === null ? ("bad" as const) : ("good" as const),
      timestamp: recalledFrom ?? clock.now(),
      sequence: (sequence += 1),
      readAt: clock.monotonic(),
    };
    return { reading, json: "", payload: Buffer.alloc(0), recalled: recalledFrom !== undefined };
  };
  const tell = (reading: PublishedReading) => {
    last.set(reading.reading.path.topic, reading);
    readings.next(reading);
  };
  const read = async (tag: string, value: TagValue | null, recalledFrom?: number) => {
    tell(published(tag, value, recalledFrom));
    await settle();
  };
  /** What one poll brings, in the order of the mapping. */
  const poll = async (values: Readonly<Record<string, TagValue | null>>) => {
    for (const [tag, value] of Object.entries(values)) tell(published(tag, value));
    await settle();
  };
  /** `station event part`, in order. */
  const story = () => events.map(({ station, event, part }) => [station, event, part].join(" ").trim());
  return { service, store, clock, read, poll, see, events, topics, messages, writes, answers, story, log };
}

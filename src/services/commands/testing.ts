import { onTestFinished } from "vitest";
import type { TagWrite } from "../../adapter-kit/adapter.ts";
import { systemClock, type Clock } from "../../adapter-kit/clock.ts";
import type { BrokerMessage } from "../../adapter-kit/local-broker.ts";
import type { DeviceMapping, TagMapping, WriteRule } from "../../adapter-kit/mapping.ts";
import { ms, type Duration } from "../../domain/duration.ts";
import type { Sample, TagValue } from "../../domain/reading.ts";
import type { NatsHandler } from "../../nats/subscriptions.ts";
import { noReadings, Normaliser } from "../../normalise/normaliser.ts";
import { Sequences } from "../../normalise/sequences.ts";
import type { StateStore } from "../../store/state-store.ts";
import { memoryStore } from "../../store/testing.ts";
import { CommandService } from "./command-service.ts";

/** Time that only goes on when a test says so. */
export class ManualClock implements Clock {
  #now = 1_795_370_000_000;
  #sleepers: { readonly until: number; readonly wake: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now - 1_795_000_000_000;
  }

  sleep(span: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const sleeper = { until: this.#now + span, wake: resolve };
      this.#sleepers.push(sleeper);
      const onAbort = () => {
        this.#sleepers = this.#sleepers.filter((one) => one !== sleeper);
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Lets a span pass: whoever sleeps wakes at its own time, and does what it has to do before the next does. */
  async pass(span: number): Promise<void> {
    const end = this.#now + span;
    for (;;) {
      await settled();
      const next = this.#sleepers.toSorted((one, other) => one.until - other.until)[0];
      if (next === undefined || next.until > end) break;
      this.#sleepers = this.#sleepers.filter((one) => one !== next);
      this.#now = Math.max(this.#now, next.until);
      next.wake();
    }
    this.#now = end;
    await settled();
  }
}

/** All that is ready to run has run. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

export interface Behaviour {
  readonly write?: (writes: readonly TagWrite[], signal: AbortSignal) => Promise<void>;
  /** Throws where the device can't be written to. */
  readonly mayWrite?: () => void;
  readonly read?: (tags: readonly string[]) => Promise<readonly Sample[] | undefined>;
}

interface Setup {
  readonly device?: DeviceMapping;
  readonly clock?: Clock;
  /** What an earlier run left. */
  readonly kept?: Map<string, Map<string, string>>;
  readonly behaviour?: Behaviour;
  /** What each change of the durable state waits for. */
  readonly disk?: Promise<void>;
  readonly users?: Readonly<Record<string, string>>;
  /** Of every write; 200 ms where it is absent. */
  readonly deadline?: Duration;
  /** The name of a second device with the same tags. */
  readonly neighbour?: string;
}

/** A device `press-1` with these tags. */
export function pressOf(tags: readonly TagMapping[]): DeviceMapping {
  return { device: "press-1", adapter: "modbus", connection: {}, options: {}, tags };
}

/** A press whose motor's setpoint is written by such a rule, and a guard and a pressure to ask. */
export function pressWith(rule: Partial<WriteRule>, more: Partial<TagMapping> = {}): DeviceMapping {
  const plain = { options: {}, scale: 1, offset: 0 };
  return pressOf([
    {
      ...plain,
      name: "motor/setpoint",
      value: { kind: "float" },
      unit: "rpm",
      write: { options: {}, ...rule },
      ...more,
    },
    { ...plain, name: "guard/closed", value: { kind: "boolean" }, stale: ms(5_000) },
    { ...plain, name: "ram/pressure", value: { kind: "float" } },
  ]);
}

/** The command service on one device that holds what is written to it, with both ways in and all that comes out. */
export function commandSetup({
  device = pressWith({}),
  clock = systemClock,
  kept,
  behaviour = {},
  users = {},
  disk,
  deadline = ms(200),
  neighbour,
}: Setup) {
  const held = new Map<string, TagValue>();
  const written: TagWrite[] = [];
  const audit: Record<string, unknown>[] = [];
  const events: { device: string; name: string; data: object }[] = [];
  const mqtt: { topic: string; reply: unknown }[] = [];
  const memory = memoryStore(kept);
  const store: StateStore = {
    read: (scope) => memory.read(scope),
    change: async (changes) => {
      await disk;
      return memory.change(changes);
    },
    note: (changes) => memory.note(changes),
  };
  let tokens = 0;
  let onNats: NatsHandler | undefined;
  let onMqtt: ((message: BrokerMessage) => void) | undefined;
  const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const normaliser = new Normaliser(device, {
    site: "plant1",
    clock,
    sequences: new Sequences(),
    publish: () => {},
    counters: noReadings(),
  });
  const hold = async (writes: readonly TagWrite[]) => {
    for (const one of writes) held.set(one.tag, one.value);
  };
  const look = async (tags: readonly string[]) =>
    tags.map((tag): Sample => ({ tag, value: held.get(tag) ?? null, quality: "good" }));
  const running = {
    normaliser,
    supervisor: {
      mayWrite: () => behaviour.mayWrite?.(),
      write: (writes: readonly TagWrite[], signal: AbortSignal) => {
        written.push(...writes);
        return (behaviour.write ?? hold)(writes, signal);
      },
      // As the real one does: what is read goes the way of all samples.
      read: async (tags: readonly string[]) => {
        const samples = await (behaviour.read ?? look)(tags);
        normaliser.accept(samples ?? []);
        return samples;
      },
    },
  };
  // Its values are held in the same place.
  const beside = { ...running };
  const service = new CommandService({
    gateway: "line1-gw",
    site: "plant1",
    deadline,
    confirmWithin: ms(30_000),
    clock,
    random: () => 0.999,
    newToken: () => `token-${(tokens += 1)}`,
    log: quiet,
    broker: {
      subscribe: (_, callback) => {
        onMqtt = callback;
        return () => {};
      },
      publish: (topic, payload) => void mqtt.push({ topic, reply: JSON.parse(payload.toString()) }),
    },
    link: {
      subscribe: (subject, callback) => {
        if (subject.startsWith("cmd.")) onNats = callback;
        return () => {};
      },
    },
    audit: {
      record: async (kind, fields) => {
        audit.push({ subject: `audit.line1-gw.${kind}`, ...JSON.parse(JSON.stringify(fields)) });
      },
    },
    store,
    find: (name) => (name === device.device ? running : name === neighbour ? beside : undefined),
    userOf: (client) => users[client],
    onEvent: (from, { name, data }) => void events.push({ device: from, name, data }),
  });
  service.start();
  onTestFinished(() => service.stop());
  const deliver = (subject: string, payload: unknown): void =>
    onNats?.({ subject, data: Buffer.from(JSON.stringify(payload)), respond: () => false });
  const request = (tag: string, payload: unknown) => ask(device.device, tag, payload);
  /** Of the neighbour. */
  const other = (tag: string, payload: unknown) => ask(neighbour ?? "", tag, payload);
  const ask = async (name: string, tag: string, payload: unknown): Promise<unknown> => {
    const answer = Promise.withResolvers<unknown>();
    const data = Buffer.from(typeof payload === "string" ? payload : JSON.stringify(payload));
    const respond = (reply: Uint8Array | string) => {
      answer.resolve(JSON.parse(reply.toString()));
      return true;
    };
    onNats?.({ subject: `cmd.plant1.${name}.${tag}`, data, respond });
    return answer.promise;
  };
  const publish = (topic: string, payload: unknown, retain = false) =>
    onMqtt?.({ topic, payload: Buffer.from(JSON.stringify(payload)), retain, qos: 0, clientId: "hmi-1" });
  /** As the device would say it; quality good where nothing else is said. */
  const reads = (tag: string, value: TagValue | null, more: Partial<Sample> = {}) =>
    normaliser.accept([{ tag, value, quality: "good", ...more }]);
  return { service, deliver, held, written, audit, events, mqtt, store, request, other, publish, reads };
}

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect as connectTcp, type Socket } from "node:net";
import { connectAsync, type IClientOptions, type MqttClient } from "mqtt";
import { generate, type Packet } from "mqtt-packet";
import { onTestFinished, vi } from "vitest";
import { systemClock, type Clock } from "../adapter-kit/clock.ts";
import type { Log } from "../adapter-kit/log.ts";
import type { BrokerConfig, UserConfig } from "../config/gateway-schema.ts";
import { byteSize } from "../domain/byte-size.ts";
import { TagPath } from "../domain/tag-path.ts";
import { Authenticator } from "../security/authenticator.ts";
import { LastValues } from "../services/live/last-values.ts";
import type { Stored } from "../store/state-store.ts";
import type { TransactionPart } from "../store/transaction-part.ts";
import { testStore } from "../store/testing.ts";
import { Broker } from "./broker.ts";
import { noTraffic } from "./counters.ts";
import { Holds } from "./holds.ts";
import { Journal, type JournalStore } from "./journal.ts";
import { brokerLimits, type BrokerLimits } from "./limits.ts";
import { Persistence } from "./persistence.ts";
import { restore } from "./restore.ts";
import { RetainedStore } from "./retained-store.ts";
import { SessionStore } from "./session-store.ts";

interface BrokerSetup {
  readonly users?: Readonly<Record<string, UserConfig>>;
  readonly config?: Partial<BrokerConfig>;
  readonly limits?: Partial<BrokerLimits>;
  readonly siteDir?: string;
  readonly clock?: Clock;
  /** Absent: one that forgets all. */
  readonly store?: JournalStore;
  /** False leaves the start to the test. */
  readonly starts?: boolean;
}

/** A store that takes all and keeps nothing. */
export function forgetfulStore(): JournalStore {
  const parts: TransactionPart[] = [];
  return {
    join: (part) => void parts.push(part),
    change: async () => {
      for (const part of parts) part.stored();
      return "stored";
    },
    touch: () => undefined,
  };
}

/** A store whose commits wait until the test lets them go. */
export function heldStore(): JournalStore & { holds: boolean; release(says?: Stored): void } {
  const inner = forgetfulStore();
  let waiting: ((stored: Stored) => void)[] = [];
  return {
    ...inner,
    holds: false,
    change(changes) {
      if (!this.holds) return inner.change(changes);
      return new Promise((resolve) => void waiting.push(resolve));
    },
    release(says = "stored") {
      this.holds = false;
      const all = waiting;
      waiting = [];
      for (const resolve of all) resolve(says);
    },
  };
}

const anywhere = { host: "127.0.0.1", port: 0 };
const someLimits: BrokerConfig["limits"] = {
  connections: 50,
  packetSize: byteSize(1e6),
  messagesPerSecond: 2_000,
  pendingBytes: byteSize(4e6),
};

/** A broker on a free port of loopback, stopped with the test. */
export async function startBroker(setup: BrokerSetup = {}) {
  const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() } satisfies Log;
  const clock = setup.clock ?? systemClock;
  const lastValues = new LastValues();
  const config: BrokerConfig = {
    listen: anywhere,
    limits: someLimits,
    ...setup.config,
  };
  const broker = new Broker(config, {
    siteDir: setup.siteDir ?? "/",
    site: "plant1",
    log,
    clock,
    authenticator: new Authenticator(setup.users ?? {}, { log, clock }),
    lastValues,
    store: setup.store ?? forgetfulStore(),
    ...(setup.limits === undefined ? {} : { limits: setup.limits }),
  });
  if (setup.starts !== false) await broker.start();
  onTestFinished(() => broker.stop());
  const { port } = broker.addresses.mqtt;
  const publishReading = (tag: string, json: string): void => {
    const path = new TagPath("data", "plant1", tag);
    lastValues.set(path, json);
    broker.publish(path.topic, json);
  };
  return { broker, log, port, publishReading };
}

/** A real MQTT client, ended with the test. */
export async function client(port: number, options: IClientOptions = {}): Promise<MqttClient> {
  const mqtt = await connectAsync(`mqtt://127.0.0.1:${port}`, { reconnectPeriod: 0, ...options }, false);
  mqtt.on("error", () => undefined);
  onTestFinished(async () => {
    await mqtt.endAsync(true);
  });
  return mqtt;
}

/** Resolves once the client's connection is gone. */
export function closed(mqtt: MqttClient): Promise<void> {
  return new Promise((resolve) => {
    mqtt.once("close", () => resolve());
  });
}

/** What a client gets, as `topic payload`, in order. */
export function received(mqtt: MqttClient): string[] {
  const messages: string[] = [];
  mqtt.on("message", (topic, payload) => messages.push(`${topic} ${payload.toString()}`));
  return messages;
}

/** A bare socket for what no client library would send. */
export async function rawSocket(
  port: number,
): Promise<{ socket: Socket; closed: Promise<unknown>; bytes: () => Buffer }> {
  const socket = connectTcp(port, "127.0.0.1");
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", () => undefined);
  const closed = once(socket, "close");
  onTestFinished(() => {
    socket.destroy();
  });
  await once(socket, "connect");
  return { socket, closed, bytes: () => Buffer.concat(chunks) };
}

/** The bytes of a packet. */
export function packet(fields: Packet): Buffer {
  return generate(fields);
}

/** A CONNECT of MQTT 3.1.1 with a clean session. */
export function connectPacket(clientId: string): Buffer {
  return generate({
    cmd: "connect",
    clientId,
    protocolId: "MQTT",
    protocolVersion: 4,
    clean: true,
    keepalive: 60,
  });
}

/** Where one of Debian's mosquitto clients is not installed, the reason to skip. */
export function mosquittoMissing(): string | undefined {
  const missing = ["mosquitto_pub", "mosquitto_sub"].filter((name) => !existsSync(`/usr/bin/${name}`));
  return missing.length === 0 ? undefined : `${missing.join(" and ")} not installed`;
}

/** Runs one of Debian's mosquitto clients to its end; killed with the test. */
export async function mosquitto(
  name: "mosquitto_pub" | "mosquitto_sub",
  port: number,
  ...options: readonly string[]
): Promise<{ code: number | null; output: string }> {
  const program = spawn(`/usr/bin/${name}`, ["-h", "127.0.0.1", "-p", `${port}`, ...options]);
  onTestFinished(() => {
    program.kill("SIGKILL");
  });
  let output = "";
  for (const stream of [program.stdout, program.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  const [code] = (await once(program, "close")) as [number | null];
  return { code, output };
}

/** The broker's stores on the state store in a folder, as a start finds them; closed with the test. */
export function openPersistence(dir: string, limits: Partial<BrokerLimits> = {}) {
  const store = testStore(dir);
  const counters = noTraffic();
  const journal = new Journal({ store, clock: systemClock, coalesceMs: 1_000, counters });
  store.open();
  const all = { ...brokerLimits({ limits: someLimits }), ...limits };
  const holds = new Holds();
  const retained = new RetainedStore(new LastValues(), all, counters, journal);
  const sessions = new SessionStore(all, counters, systemClock, journal);
  restore(journal, sessions, retained, counters);
  const parts = { retained, sessions, limits: all, journal, holds, maySubscribe: () => true };
  const persistence = new Persistence(parts);
  const close = () => {
    journal.stop();
    store.close();
  };
  return { journal, holds, sessions, retained, counters, persistence, close };
}

import { connect, type MqttClient } from "mqtt";
import type { TypeName } from "../../adapters/sparkplug/datatype.ts";
import { encodePayload, type MetricToSend } from "../../adapters/sparkplug/encode.ts";
import { decodePayload, type WirePayload } from "../../adapters/sparkplug/payload.ts";
import {
  commandTopic,
  messageTopic,
  type EdgeNodeId,
  type MessageType,
} from "../../adapters/sparkplug/topic.ts";
import { decodeValue } from "../../adapters/sparkplug/value.ts";
import type { Clock } from "../../src/adapter-kit/clock.ts";
import { MetricTable } from "./metric-table.ts";

export interface EdgeNodeConnection {
  /** Such as `mqtt://127.0.0.1:1883`. */
  readonly broker: string;
  readonly clock: Clock;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** ms between two looks for changed values; 500 by default. */
  readonly period?: number;
}

const retryMs = 500;
const rebirthName = "Node Control/Rebirth";
/** An alias that no metric has. */
const noAlias = 999_999;

/**
 * A Sparkplug B edge node with devices behind it: births with aliases, data by exception, deaths by its will, rebirth on
 * request, and fault switches. It connects to a broker and goes on trying until that is there.
 */
export class SimulatedEdgeNode {
  readonly id: EdgeNodeId;
  /** How often it was asked for a rebirth. */
  rebirthRequests = 0;
  /** Switch: requests for a rebirth are not answered. */
  ignoresRebirths = false;
  readonly #tables = new Map<string | undefined, MetricTable>([[undefined, new MetricTable()]]);
  readonly #away = new Set<string>();
  #client: MqttClient | undefined;
  #connection: EdgeNodeConnection | undefined;
  #timer: NodeJS.Timeout | undefined;
  #back: NodeJS.Timeout | undefined;
  /** True between a birth and the end of its connection: without a birth there is no data. */
  #born = false;
  #sequence = 0;
  #session = -1;
  #aliases = 0;
  /** A message that is to be sent behind the next one. */
  #late: { readonly topic: string; readonly payload: Buffer } | undefined;
  #swapNext = false;

  constructor(id: EdgeNodeId) {
    this.id = id;
    this.define(undefined, rebirthName, "bool");
    this.set(undefined, rebirthName, false);
  }

  get connected(): boolean {
    return this.#client?.connected === true;
  }

  /** A metric of the node itself (`device` undefined) or of a device, which is there from then on. */
  define(device: string | undefined, name: string, type: TypeName): void {
    const table = this.#tables.get(device) ?? new MetricTable();
    this.#tables.set(device, table);
    table.define(name, type, ++this.#aliases);
  }

  /** The value goes out with the next message, where it changed. */
  set(device: string | undefined, name: string, value: Parameters<MetricTable["set"]>[1]): void {
    this.#tables.get(device)?.set(name, value);
  }

  get(device: string | undefined, name: string): ReturnType<MetricTable["get"]> {
    return this.#tables.get(device)?.get(name);
  }

  /** Returns at once; connects when the broker is there. Idempotent. */
  start(connection: EdgeNodeConnection): void {
    if (this.#client !== undefined) return;
    this.#connection = connection;
    const { broker, user, password, period = 500 } = connection;
    const client = connect(broker, {
      clientId: `${this.id.group}-${this.id.node}`,
      clean: true,
      keepalive: 5,
      reconnectPeriod: retryMs,
      connectTimeout: 5_000,
      queueQoSZero: false,
      ...(user === undefined ? {} : { username: user }),
      ...(password === undefined ? {} : { password }),
      will: this.#nextWill(),
    });
    this.#client = client;
    // A broker that is not there yet is the usual case at start; the client tries again by itself.
    client.on("error", () => undefined);
    client.on("message", (topic, payload) => this.#take(topic, payload));
    client.on("close", () => {
      this.#born = false;
      // The next session's death names that session (Sparkplug 3.0 §6.4.19).
      client.options.will = this.#nextWill();
    });
    client.on("connect", () => {
      const commands = [
        commandTopic(this.id, undefined),
        `${commandTopic(this.id, undefined).replace("NCMD", "DCMD")}/+`,
      ];
      client.subscribe(commands, { qos: 1 }, () => this.rebirth());
    });
    this.#timer = setInterval(() => this.sendChanges(), period);
  }

  /** Sends the birth certificates of the node and of every device that is there. */
  rebirth(): void {
    this.#born = true;
    this.#sequence = 0;
    const bdSeq = {
      name: "bdSeq",
      timestamp: this.#now(),
      type: "int64",
      value: BigInt(this.#session),
    } as const;
    for (const [device, table] of this.#tables) {
      if (device !== undefined && this.#away.has(device)) continue;
      const metrics = table.birth(this.#now());
      if (device === undefined) this.#send("NBIRTH", undefined, [bdSeq, ...metrics]);
      else this.#send("DBIRTH", device, metrics);
    }
  }

  /** Sends what changed. */
  sendChanges(): void {
    for (const [device, table] of this.#tables) {
      if (!this.connected || !this.#born || (device !== undefined && this.#away.has(device))) continue;
      const changes = table.changes(this.#now());
      if (changes.length > 0) this.#send(device === undefined ? "NDATA" : "DDATA", device, changes);
    }
  }

  /** Sends values as they are given: by name or alias, historical, with a quality. */
  sendData(device: string | undefined, metrics: readonly MetricToSend[]): void {
    this.#send(device === undefined ? "NDATA" : "DDATA", device, metrics);
  }

  /** Fault: the next message seems to be lost. */
  skipSequence(): void {
    this.#sequence = (this.#sequence + 1) % 256;
  }

  /** Fault: the next two messages change places. */
  swapNext(): void {
    this.#swapNext = true;
  }

  /** Fault: data of a metric that no birth certificate has. */
  sendUnknownAlias(device?: string): void {
    const metric = { alias: noAlias, timestamp: this.#now(), type: "int32", value: 1 } as const;
    this.sendData(device, [metric]);
  }

  /** Fault: bytes that are no payload. */
  sendGarbage(device?: string): void {
    const topic = messageTopic(this.id, device === undefined ? "NDATA" : "DDATA", device);
    this.#client?.publish(topic, Buffer.from([0x12, 0xff, 0xff, 0xff, 0x7f, 0x00]));
  }

  /** Fault: the will of an earlier session comes late. */
  sendStaleDeath(): void {
    this.#sendDeath((this.#session + 255) % 256);
  }

  /** Fault: it is said to be dead, and lives. */
  sendDeath(): void {
    this.#sendDeath(this.#session);
  }

  #sendDeath(session: number): void {
    const { topic, payload } = this.#death(session);
    this.#client?.publish(topic, payload, { qos: 1 });
  }

  /** The device is gone from the node (DDEATH) until `returnDevice`. */
  loseDevice(device: string): void {
    this.#away.add(device);
    this.#send("DDEATH", device, []);
  }

  returnDevice(device: string): void {
    this.#away.delete(device);
    this.#send("DBIRTH", device, this.#tables.get(device)?.birth(this.#now()) ?? []);
  }

  /** Fault: the connection breaks, so that the broker sends the will; back after `forMs`. */
  cut(forMs: number): void {
    const client = this.#client;
    if (client === undefined) return;
    client.options.reconnectPeriod = 0;
    client.stream.destroy();
    clearTimeout(this.#back);
    this.#back = setTimeout(() => {
      client.options.reconnectPeriod = retryMs;
      client.reconnect();
    }, forMs);
  }

  /** Says that it goes. Idempotent; leaves no timer and no socket. */
  async stop(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    clearInterval(this.#timer);
    clearTimeout(this.#back);
    if (client === undefined) return;
    if (client.connected) {
      const { topic, payload } = this.#death(this.#session);
      client.publish(topic, payload, { qos: 0 });
    }
    await client.endAsync(!client.connected);
  }

  #now(): number {
    return this.#connection?.clock.now() ?? 0;
  }

  #nextWill() {
    this.#session = (this.#session + 1) % 256;
    return { ...this.#death(this.#session), qos: 1 as const, retain: false };
  }

  #death(session: number): { readonly topic: string; readonly payload: Buffer } {
    const timestamp = this.#now();
    const metric = { name: "bdSeq", timestamp, type: "int64", value: BigInt(session) } as const;
    return {
      topic: messageTopic(this.id, "NDEATH"),
      payload: encodePayload({ timestamp, metrics: [metric] }),
    };
  }

  #send(type: MessageType, device: string | undefined, metrics: readonly MetricToSend[]): void {
    const message = {
      topic: messageTopic(this.id, type, device),
      payload: encodePayload({ timestamp: this.#now(), seq: this.#sequence, metrics }),
    };
    this.#sequence = (this.#sequence + 1) % 256;
    if (this.#swapNext) {
      this.#swapNext = false;
      this.#late = message;
      return;
    }
    const late = this.#late;
    this.#late = undefined;
    for (const { topic, payload } of late === undefined ? [message] : [message, late])
      this.#client?.publish(topic, payload);
  }

  #take(topic: string, payload: Buffer): void {
    const [, , , , device] = topic.split("/");
    const table = this.#tables.get(device);
    const command = decoded(payload);
    if (table === undefined || command === undefined) return;
    for (const { name, alias, value } of command.metrics) {
      const known = table.nameOf(name, alias);
      const type = known === undefined ? undefined : table.typeOf(known);
      if (known === undefined || type === undefined || value === undefined) continue;
      if (device === undefined && known === rebirthName) {
        this.rebirthRequests += 1;
        if (!this.ignoresRebirths) this.rebirth();
        continue;
      }
      const written = decodeValue(type, value);
      if (written === undefined) continue;
      table.set(known, written);
      table.touch(known);
    }
    this.sendChanges();
  }
}

/** Undefined for what is no payload: that changes nothing. */
function decoded(payload: Buffer): WirePayload | undefined {
  try {
    return decodePayload(payload);
  } catch {
    return undefined;
  }
}

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { connectAsync } from "mqtt";
import { ModbusSimulator } from "../simulators/modbus/server.ts";
import type { GatewayProcess } from "./gateway-process.ts";
import type { MadeSite } from "./made-site.ts";
import { subscribeEarly } from "./nats-client.ts";
import { latency } from "./statistics.ts";

/** Parts each of the two sources makes, in ms. */
const everyMs = 100;
const writeCoil = 5;

const files = (source: number, target: number): Readonly<Record<string, string>> => ({
  "devices/press.yaml": `device: press
adapter: modbus
connection: { transport: tcp, host: 127.0.0.1, port: ${source} }
poll: { fast: ${everyMs}ms }
tags: { parts: { address: "holding:0", type: uint32, poll: fast } }
`,
  "devices/vehicle.yaml": `device: vehicle
adapter: mqtt
connection: {}
tags: { parts: { address: vehicle/1/state, pointer: /parts, type: int } }
`,
  "devices/target.yaml": `device: target
adapter: modbus
connection: { transport: tcp, host: 127.0.0.1, port: ${target} }
poll: { normal: 1s }
tags:
  weld: { address: "coil:0", type: bool, write: {} }
  dock: { address: "coil:1", type: bool, write: {} }
`,
  "line.yaml": `stations:
  press: { complete: { tag: press/parts, counter: up } }
  weld: { after: press, prepare: { repeat: safe, write: { target/weld: true } } }
  vehicle: { complete: { tag: vehicle/parts, counter: up } }
  dock: { after: vehicle, prepare: { repeat: safe, write: { target/dock: true } } }
`,
});

/** When each part was finished, told and written, by its number: `performance.now()`. */
class Route {
  readonly finishedAt: number[] = [];
  readonly preparedAt: number[] = [];
  readonly writtenAt: number[] = [];

  took(end: readonly number[], from: number, until: number): readonly number[] {
    return end.flatMap((at, part) => {
      const since = this.finishedAt[part];
      return since === undefined || since < from || since >= until ? [] : [at - since];
    });
  }
}

/** A PLC whose counter grows with each read of it: a part a poll. */
async function press(route: Route): Promise<ModbusSimulator> {
  let count = 0;
  const simulator = await ModbusSimulator.start({
    keepRequests: 1,
    delay: () => {
      route.finishedAt[count] = performance.now();
      count += 1;
      simulator.unit().holding.put(0, "uint32", count);
      return 0;
    },
  });
  simulator.unit().holding.put(0, "uint32", 0);
  return simulator;
}

/** A PLC that notes when which coil is written: coil 0 for the weld, 1 for the dock. */
async function target(routes: readonly Route[]): Promise<ModbusSimulator> {
  return ModbusSimulator.start({
    keepRequests: 1,
    delay: ({ functionCode, pdu }) => {
      const route = functionCode === writeCoil ? routes[pdu.readUInt16BE(1)] : undefined;
      // The first part is number 1.
      if (route !== undefined) route.writtenAt[Math.max(1, route.writtenAt.length)] = performance.now();
      return 0;
    },
  });
}

/** A line of two routes, over Modbus and MQTT, of which each part is timed. */
export class TimedLine implements AsyncDisposable {
  readonly #weld = new Route();
  readonly #dock = new Route();
  readonly #inside: { readonly at: number; readonly ms: number }[] = [];
  readonly #ends: (() => PromiseLike<unknown>)[] = [];

  /** The simulated PLCs, and their files in the site's folder. */
  static async prepare(site: MadeSite): Promise<TimedLine> {
    const line = new TimedLine();
    const source = await press(line.#weld);
    const sink = await target([line.#weld, line.#dock]);
    line.#ends.push(
      () => source.refuse(),
      () => sink.refuse(),
    );
    for (const [file, text] of Object.entries(files(source.port, sink.port)))
      writeFileSync(join(site.dir, file), text);
    return line;
  }

  /** Parts from now on. */
  async drive(gateway: GatewayProcess): Promise<void> {
    const listener = await subscribeEarly(gateway.nats, "line.bench.line1.*.prepare", (subject, data) => {
      const now = performance.now();
      const { part } = JSON.parse(Buffer.from(data).toString()) as { part: string };
      const route = subject.includes(".weld.") ? this.#weld : this.#dock;
      route.preparedAt[Number(part.split("-")[1])] = now;
    });
    const vehicle = await connectAsync(gateway.mqtt);
    // As the gateway itself has it, from the read to the hand-over: what is beyond lies between processes, or in this one.
    vehicle.on("message", (_, payload) => {
      const { latencyMs } = JSON.parse(payload.toString()) as { latencyMs: number };
      this.#inside.push({ at: performance.now(), ms: latencyMs });
    });
    await vehicle.subscribeAsync("line/bench/line1/+/prepare");
    let parts = 0;
    const driving = setInterval(() => {
      this.#dock.finishedAt[parts] = performance.now();
      vehicle.publish("vehicle/1/state", JSON.stringify({ parts }));
      parts += 1;
    }, everyMs);
    this.#ends.unshift(
      async () => clearInterval(driving),
      () => vehicle.endAsync(true),
      () => listener[Symbol.asyncDispose](),
    );
  }

  /** Of the parts that were finished since then, and before `until`. */
  took(from: number, until = Infinity) {
    const both = (pick: (route: Route) => readonly number[]) => {
      const [modbus, mqtt] = [this.#weld, this.#dock].map((route) => route.took(pick(route), from, until));
      return {
        ...latency([...(modbus ?? []), ...(mqtt ?? [])]),
        modbus: latency(modbus ?? []),
        mqtt: latency(mqtt ?? []),
      };
    };
    const inside = this.#inside.filter(({ at }) => at >= from && at < until).map(({ ms }) => ms);
    return {
      completeToPrepare: both(({ preparedAt }) => preparedAt),
      completeToCoil: both(({ writtenAt }) => writtenAt),
      insideGateway: latency(inside),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // One after the other: that is what this loop is for.
    for (const end of this.#ends.splice(0)) await end();
  }
}

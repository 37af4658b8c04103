import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { connectAsync } from "mqtt";
import { ModbusSimulator } from "../../simulators/modbus/server.ts";
import { makeSite } from "../made-site.ts";
import { runGateway } from "../gateway-process.ts";
import { subscribeEarly } from "../nats-client.ts";
import { commits, lateBy } from "../references.ts";
import { latency } from "../statistics.ts";

/** Read once a second each: the other traffic, readings a second. */
const otherTags = 10_000;
const settleMs = 5_000;
const measureMs = 20_000;
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
  weld: { after: press, prepare: { write: { target/weld: true } } }
  vehicle: { complete: { tag: vehicle/parts, counter: up } }
  dock: { after: vehicle, prepare: { write: { target/dock: true } } }
`,
});

/** When each part was finished, told and written, by its number: `performance.now()`. */
class Route {
  readonly finishedAt: number[] = [];
  readonly preparedAt: number[] = [];
  readonly writtenAt: number[] = [];

  took(end: readonly number[], from: number): readonly number[] {
    return end.flatMap((at, part) => {
      const since = this.finishedAt[part];
      return since === undefined || since < from ? [] : [at - since];
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

/**
 * From a part finished, as a PLC answers a read or a vehicle publishes it, to the next station's prepare at a NATS subscriber in
 * another process, and to the coil that it writes arriving at a PLC; with 10,000 other readings a second.
 */
export async function completeToPrepare(random: () => number) {
  await using site = await makeSite({ tags: otherTags, interval: "1s", random });
  const [weld, dock] = [new Route(), new Route()];
  await using source = await press(weld);
  await using sink = await target([weld, dock]);
  for (const [file, text] of Object.entries(files(source.port, sink.port)))
    writeFileSync(join(site.dir, file), text);
  await using gateway = await runGateway(site.dir);
  await using _ = await subscribeEarly(gateway.nats, "line.bench.line1.*.prepare", (subject, data) => {
    const now = performance.now();
    const { part } = JSON.parse(Buffer.from(data).toString()) as { part: string };
    const route = subject.includes(".weld.") ? weld : dock;
    route.preparedAt[Number(part.split("-")[1])] = now;
  });
  const vehicle = await connectAsync(gateway.mqtt);
  // As the gateway itself has it, from the read to the hand-over: what is beyond lies between processes, or in this one.
  const inside: { readonly at: number; readonly ms: number }[] = [];
  vehicle.on("message", (_, payload) => {
    const { latencyMs } = JSON.parse(payload.toString()) as { latencyMs: number };
    inside.push({ at: performance.now(), ms: latencyMs });
  });
  await vehicle.subscribeAsync("line/bench/line1/+/prepare");
  let parts = 0;
  const driving = setInterval(() => {
    dock.finishedAt[parts] = performance.now();
    vehicle.publish("vehicle/1/state", JSON.stringify({ parts }));
    parts += 1;
  }, everyMs);
  await delay(settleMs);
  const from = performance.now();
  // How late this process itself is: the figures can be no better than that.
  const lateness = monitorEventLoopDelay({ resolution: 1 });
  lateness.enable();
  await delay(measureMs);
  lateness.disable();
  clearInterval(driving);
  await vehicle.endAsync(true);
  const reference = latency(commits(site.dir));
  const both = (pick: (route: Route) => readonly number[]) => ({
    ...latency([weld, dock].flatMap((route) => route.took(pick(route), from))),
    modbus: latency(weld.took(pick(weld), from)),
    mqtt: latency(dock.took(pick(dock), from)),
  });
  return {
    latencyMs: {
      completeToPrepare: both(({ preparedAt }) => preparedAt),
      completeToCoil: both(({ writtenAt }) => writtenAt),
      insideGateway: latency(inside.filter(({ at }) => at >= from).map(({ ms }) => ms)),
      reference: { storeCommit: reference, observerLate: lateBy(lateness) },
    },
  };
}

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { connectAsync } from "mqtt";
import { ModbusSimulator } from "../../simulators/modbus/server.ts";
import { makeSite } from "../made-site.ts";
import { runGateway } from "../gateway-process.ts";
import { commits, lateBy } from "../references.ts";
import { latency } from "../statistics.ts";

/** Read once a second each: the other traffic, readings a second. */
const otherTags = 10_000;
const settleMs = 5_000;
const measureMs = 20_000;
/** The pressure is above its limit every other time. */
const everyMs = 100;
const writeCoil = 5;
const coilOn = 0xff00;

const files = (source: number, target: number): Readonly<Record<string, string>> => ({
  "devices/press.yaml": `device: press
adapter: modbus
connection: { transport: tcp, host: 127.0.0.1, port: ${source} }
poll: { fast: ${everyMs}ms }
tags: { pressure: { address: "holding:0", type: uint16, poll: fast } }
`,
  "devices/vehicle.yaml": `device: vehicle
adapter: mqtt
connection: {}
tags: { pressure: { address: vehicle/1/state, pointer: /pressure, type: int } }
`,
  "devices/target.yaml": `device: target
adapter: modbus
connection: { transport: tcp, host: 127.0.0.1, port: ${target} }
poll: { normal: 1s }
tags:
  stop/press: { address: "coil:0", type: bool, write: {} }
  stop/vehicle: { address: "coil:1", type: bool, write: {} }
`,
  "alerts.yaml": `alerts:
  press: { message: too high, when: { tag: press/pressure, above: 200 }, onRaise: { write: { target/stop/press: true } }, onClear: { write: { target/stop/press: false } } }
  vehicle: { message: too high, when: { tag: vehicle/pressure, above: 200 }, onRaise: { write: { target/stop/vehicle: true } }, onClear: { write: { target/stop/vehicle: false } } }
`,
});

/** When the limit was crossed, and the coil written: `performance.now()`. */
class Route {
  #crossedAt: number | undefined;
  readonly took: number[] = [];

  cross(): void {
    this.#crossedAt = performance.now();
  }

  write(): void {
    if (this.#crossedAt !== undefined) this.took.push(performance.now() - this.#crossedAt);
    this.#crossedAt = undefined;
  }
}

/** A PLC whose pressure is too high at every other read of it. */
async function press(route: Route): Promise<ModbusSimulator> {
  let high = false;
  const simulator = await ModbusSimulator.start({
    keepRequests: 1,
    // The answer is made already: what is put now is what the next read finds.
    delay: () => {
      if (high) route.cross();
      high = !high;
      simulator.unit().holding.put(0, "uint16", high ? 300 : 100);
      return 0;
    },
  });
  return simulator;
}

/** A PLC whose coils stop the machines: coil 0 the press, 1 the vehicle. */
async function target(routes: readonly Route[]): Promise<ModbusSimulator> {
  return ModbusSimulator.start({
    keepRequests: 1,
    delay: ({ functionCode, address, quantity }) => {
      if (functionCode === writeCoil && quantity === coilOn) routes[address]?.write();
      return 0;
    },
  });
}

/**
 * From a limit crossed, as a PLC answers a read or a vehicle publishes it, to the coil that stops the machine arriving at a
 * PLC; with 10,000 other readings a second.
 */
export async function alertToCoil(random: () => number) {
  await using site = await makeSite({ tags: otherTags, interval: "1s", random });
  const [pressStop, vehicleStop] = [new Route(), new Route()];
  await using source = await press(pressStop);
  await using sink = await target([pressStop, vehicleStop]);
  for (const [file, text] of Object.entries(files(source.port, sink.port)))
    writeFileSync(join(site.dir, file), text);
  await using gateway = await runGateway(site.dir);
  const vehicle = await connectAsync(gateway.mqtt);
  let messages = 0;
  const driving = setInterval(() => {
    messages += 1;
    const high = messages % 2 === 0;
    if (high) vehicleStop.cross();
    vehicle.publish("vehicle/1/state", JSON.stringify({ pressure: high ? 300 : 100 }));
  }, everyMs);
  await delay(settleMs);
  for (const { took } of [pressStop, vehicleStop]) took.length = 0;
  // How late this process itself is: the figures can be no better than that.
  const lateness = monitorEventLoopDelay({ resolution: 1 });
  lateness.enable();
  await delay(measureMs);
  lateness.disable();
  clearInterval(driving);
  await vehicle.endAsync(true);
  return {
    latencyMs: {
      alertToCoil: {
        ...latency([...pressStop.took, ...vehicleStop.took]),
        modbus: latency(pressStop.took),
        mqtt: latency(vehicleStop.took),
      },
      alertReference: { storeCommit: latency(commits(site.dir)), observerLate: lateBy(lateness) },
    },
  };
}

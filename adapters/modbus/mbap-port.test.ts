import { once } from "node:events";
import { connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { MbapPort } from "./mbap-port.ts";
import { loadModbusRtu } from "./modbus-serial.ts";
import { simulated } from "./testing.ts";

async function client() {
  const simulator = await simulated();
  const socket = connect(simulator.port, simulator.host);
  onTestFinished(() => void socket.destroy());
  await once(socket, "connect");
  const strays: string[] = [];
  const port = new MbapPort(socket, {
    onStray: (kind) => strays.push(kind),
    onViolation: () => socket.destroy(),
    onGarbled: () => undefined,
    onEcho: () => undefined,
    onFrame: () => undefined,
  });
  const Client = loadModbusRtu();
  const modbus = new Client(port);
  modbus.open();
  const read = (address: number) => {
    const { promise, resolve } = Promise.withResolvers<number | undefined>();
    modbus.writeFC3(1, address, 1, (_error, result) => resolve(result.data[0]));
    return promise;
  };
  return { simulator, port, modbus, read, strays };
}

test("what modbus-serial remembers of requests does not grow, answered or not", async () => {
  const { simulator, port, modbus, read } = await client();
  simulator.inject({ kind: "drop" }, { when: ({ number }) => number % 10 === 0 });
  for (let asked = 1; asked <= 500; asked += 1) {
    const answered = read(asked);
    if (asked % 10 === 0) port.abandon();
    else await answered;
  }
  expect(Object.keys(Reflect.get(modbus, "_transactions") as object)).toHaveLength(1);
  await expect.poll(() => simulator.requestCount).toBe(500);
});

test("transaction ids use all 16 bits, and a late answer belongs to its own request alone", async () => {
  const { simulator, port, read, strays } = await client();
  const { holding } = simulator.unit();
  holding.set(0, 10, 11);
  simulator.inject({ kind: "late" }, { times: 1 });
  void read(0);
  await expect.poll(() => simulator.requestCount).toBe(1);
  port.abandon();
  expect(await read(1)).toBe(11);
  expect(strays).toEqual(["late"]);
  for (let asked = 0; asked < 300; asked += 1) await read(0);
  const ids = simulator.requests.map(({ transactionId }) => transactionId);
  expect(new Set(ids).size).toBe(302);
});

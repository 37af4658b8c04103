import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { Fault } from "./faults.ts";
import { ModbusSimulator, type SimulatorOptions } from "./server.ts";

async function started(
  options: SimulatorOptions = {},
): Promise<{ simulator: ModbusSimulator; client: Socket }> {
  const simulator = await ModbusSimulator.start(options);
  const client = connect(simulator.port, simulator.host);
  onTestFinished(async () => {
    client.destroy();
    await simulator.refuse();
  });
  await once(client, "connect");
  return { simulator, client };
}

/** Sends a request given in hex (without MBAP) to unit 1, and gives the answer's bytes in hex. */
async function ask(client: Socket, pdu: string, unit = 1, transaction = 0x0a0b): Promise<string> {
  const body = Buffer.from(pdu.replaceAll(" ", ""), "hex");
  const header = Buffer.from([transaction >> 8, transaction & 0xff, 0, 0, 0, body.length + 1, unit]);
  client.write(Buffer.concat([header, body]));
  const [chunk] = (await once(client, "data")) as [Buffer];
  return chunk.toString("hex");
}

/** The answer's PDU alone. */
async function pduOf(client: Socket, pdu: string, unit = 1): Promise<string> {
  return (await ask(client, pdu, unit)).slice(14);
}

test("answers the requests printed in the specification with the responses printed there", async () => {
  const { simulator, client } = await started();
  const unit = simulator.unit();
  unit.coil.set(19, 1, 0, 1, 1, 0, 0, 1, 1, 1, 1, 0, 1, 0, 1, 1, 0, 1, 0, 1);
  unit.discrete.set(196, 0, 0, 1, 1, 0, 1, 0, 1);
  unit.holding.set(107, 0x022b, 0, 100);
  unit.input.set(8, 10);
  // Modbus V1.1b3 §6.1 to §6.4, §6.5, §6.6, §6.11, §6.12, §6.16, §6.17
  expect(await pduOf(client, "01 0013 0013")).toBe("0103cd6b05");
  expect(await pduOf(client, "02 00c4 0008")).toBe("0201ac");
  expect(await pduOf(client, "03 006b 0003")).toBe("0306022b00000064");
  expect(await pduOf(client, "04 0008 0001")).toBe("0402000a");
  expect(await pduOf(client, "05 00ac ff00")).toBe("0500acff00");
  expect(await pduOf(client, "06 0001 0003")).toBe("0600010003");
  expect(await pduOf(client, "0f 0013 000a 02 cd01")).toBe("0f0013000a");
  expect(await pduOf(client, "10 0001 0002 04 000a 0102")).toBe("1000010002");
  unit.holding.set(4, 0x12);
  expect(await pduOf(client, "16 0004 00f2 0025")).toBe("16000400f20025");
  expect(unit.holding.get(4)).toBe(0x17);
  unit.holding.set(3, 0xfe, 0x0acd, 1, 3, 0x0d, 0xff);
  expect(await pduOf(client, "17 0003 0006 000e 0003 06 00ff00ff00ff")).toBe("170c00fe0acd00010003000d00ff");
  expect(unit.holding.takeBytes(14, 3).toString("hex")).toBe("00ff00ff00ff");
});

test("names itself in the device identification", async () => {
  const { client } = await started({ units: { 1: { identification: { 0: "Acme", 1: "P1" } } } });
  expect(await pduOf(client, "2b 0e 01 00")).toBe("2b0e0181000002000441636d6501025031");
});

test("refuses what the unit does not have, with the exception that says so", async () => {
  const { simulator, client } = await started({
    units: { 1: { limits: { readRegisters: 10 }, functions: [3, 6] }, 2: {} },
  });
  const { holding } = simulator.unit();
  holding.keepOnly([0, 99]);
  holding.lock(50, 59);
  expect(await pduOf(client, "01 0000 0001")).toBe("8101");
  expect(await pduOf(client, "03 0063 0002")).toBe("8302");
  expect(await pduOf(client, "03 0000 000b")).toBe("8303");
  expect(await pduOf(client, "06 0032 0001")).toBe("8602");
  expect(await pduOf(client, "03 0063 0002", 2)).toBe("030400000000");
  expect(await pduOf(client, "03 0000 0001", 9)).toBe("830b");
});

test("stores typed values in every word order and reads them back", async () => {
  const { simulator, client } = await started();
  const { holding } = simulator.unit();
  const orders = { ABCD: "42f6e979", CDAB: "e97942f6", BADC: "f64279e9", DCBA: "79e9f642" } as const;
  for (const [order, hex] of Object.entries(orders)) {
    holding.put(0, "float32", 123.456, order as keyof typeof orders);
    expect(await pduOf(client, "03 0000 0002")).toBe(`0304${hex}`);
    expect(holding.take(0, "float32", order as keyof typeof orders)).toBeCloseTo(123.456, 4);
  }
  holding.put(8, "int64", -2n, "CDAB");
  expect(holding.take(8, "int64", "CDAB")).toBe(-2n);
});

test("tells who listens of every write, and counts and keeps the requests", async () => {
  const { simulator, client } = await started({ keepRequests: 2 });
  const writes: unknown[] = [];
  simulator.unit().onWrite((write) => writes.push(write));
  await ask(client, "10 0007 0002 04 0001 0002");
  await ask(client, "05 0003 ff00");
  expect(writes).toEqual([
    { unit: 1, table: "holding", address: 7, values: [1, 2] },
    { unit: 1, table: "coil", address: 3, values: [1] },
  ]);
  for (let asked = 0; asked < 5; asked += 1) await ask(client, "03 0009 0001");
  expect(simulator.requestCount).toBe(7);
  expect(simulator.requests.length).toBeLessThanOrEqual(4);
  expect(simulator.requests.at(-1)).toMatchObject({ functionCode: 3, address: 9, quantity: 1, unit: 1 });
});

const spoilt: readonly (readonly [Fault, string])[] = [
  [{ kind: "exception", code: 6 }, "0a0b00000003018306"],
  [{ kind: "junk", bytes: Buffer.from("beef", "hex") }, "beef"],
  [{ kind: "truncated", bytes: 2 }, "0a0b00000007010304abcd"],
  [{ kind: "wrong-length", by: 3 }, "0a0b0000000a010304abcd1234"],
  [{ kind: "short", bytes: 2 }, "0a0b00000005010302abcd"],
  [{ kind: "wrong-transaction" }, "1c3f00000007010304abcd1234"],
  [{ kind: "wrong-protocol" }, "0a0b00010007010304abcd1234"],
  [{ kind: "wrong-unit" }, "0a0b00000007020304abcd1234"],
  [{ kind: "wrong-function" }, "0a0b00000007010404abcd1234"],
  [{ kind: "wrong-byte-count" }, "0a0b00000007010306abcd1234"],
  [{ kind: "delay", ms: 5 }, "0a0b00000007010304abcd1234"],
];

test.each(spoilt)("sends %o on the wire as told, and then the truth again", async (fault, expected) => {
  const { simulator, client } = await started();
  simulator.unit().holding.set(0, 0xabcd, 0x1234);
  simulator.inject(fault, { functionCode: 3, times: 1 });
  expect(await ask(client, "03 0000 0002")).toBe(expected);
  expect(await ask(client, "03 0000 0002")).toBe("0a0b00000007010304abcd1234");
});

test("sends an answer in pieces", async () => {
  const { simulator, client } = await started();
  simulator.inject({ kind: "split", size: 4, gapMs: 2 });
  const chunks: Buffer[] = [];
  client.on("data", (chunk: Buffer) => chunks.push(chunk));
  await ask(client, "03 0000 0002");
  await expect.poll(() => Buffer.concat(chunks).length).toBe(13);
  expect(chunks.length).toBeGreaterThan(1);
});

test("keeps a late answer until the next request, and sends it first", async () => {
  const { simulator, client } = await started();
  simulator.inject({ kind: "late" }, { times: 1 });
  const received: Buffer[] = [];
  client.on("data", (chunk: Buffer) => received.push(chunk));
  client.write(Buffer.from("000100000006010300000001", "hex"));
  client.write(Buffer.from("000200000006010300010001", "hex"));
  await expect.poll(() => Buffer.concat(received).length).toBe(22);
  const bytes = Buffer.concat(received);
  expect([bytes.readUInt16BE(0), bytes.readUInt16BE(11)]).toEqual([1, 2]);
});

test("answers nothing while frozen, though it takes connections and requests", async () => {
  const { simulator, client } = await started();
  simulator.freeze();
  client.write(Buffer.from("000100000006010300000001", "hex"));
  await expect.poll(() => simulator.requestCount).toBe(1);
  simulator.clearFaults();
  expect(await ask(client, "03 0000 0001", 1, 2)).toBe("0002000000050103020000");
});

test("comes back on the same port after a restart", async () => {
  const { simulator, client } = await started();
  const { port } = simulator;
  const gone = once(client, "close");
  await simulator.restart();
  await gone;
  const again = connect(port, simulator.host);
  onTestFinished(() => void again.destroy());
  await once(again, "connect");
  expect(await ask(again, "03 0000 0001")).toBe("0a0b000000050103020000");
  expect(simulator.acceptedCount).toBe(2);
});

test("closes connections beyond its number at once", async () => {
  const { simulator, client } = await started({ maxConnections: 1 });
  await ask(client, "03 0000 0001");
  const second = connect(simulator.port, simulator.host);
  await once(second, "close");
  expect(simulator.connectionCount).toBe(1);
});

test("closes a connection that sends no Modbus", async () => {
  const { client } = await started();
  const gone = once(client, "close");
  client.write("GET / HTTP/1.1\r\n\r\n");
  await gone;
  expect(client.destroyed).toBe(true);
});

import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../src/adapter-kit/clock.ts";
import { RecordingContext } from "../../src/adapter-kit/testing.ts";
import { ModbusBus, type BusMember } from "./bus.ts";
import { simulated } from "./testing.ts";
import { deviceOf } from "./mapping-fixture.ts";
import type { ModbusConnection } from "./mapping.ts";
import type { ModbusRequest } from "./request.ts";
import type { ModbusSimulator } from "../../simulators/modbus/server.ts";

const never = new AbortController().signal;

function at(connection: object): ModbusConnection {
  return deviceOf([], { connection }).connection;
}

function busTo(simulator: ModbusSimulator): ModbusBus {
  const bus = new ModbusBus(at({ port: simulator.port }), systemClock);
  onTestFinished(() => bus.close());
  return bus;
}

function memberTo(simulator: ModbusSimulator, unitId = 1, connection: object = {}): BusMember {
  const own = at({ port: simulator.port, timeout: "250ms", unitId, ...connection });
  return { connection: own, context: new RecordingContext() };
}

/** Connects, and tells what ends the connection. */
async function endOf(bus: ModbusBus, member: BusMember, signal: AbortSignal) {
  const connection = await bus.connect(member, signal);
  const { promise, resolve } = Promise.withResolvers<unknown>();
  connection.onEnd(resolve);
  return { end: promise };
}

function read(bus: ModbusBus, member: BusMember, address: number, turn: object = {}) {
  const unit = member.connection.unitId;
  const request: ModbusRequest = { functionCode: 3, unit, address, quantity: 1 };
  return bus.submit({
    member,
    rank: 2,
    deadline: 0,
    signal: never,
    work: (exchange) => exchange(request),
    ...turn,
  });
}

test("sends one request at a time: writes first, then by deadline", async () => {
  const simulator = await simulated({ delay: 5 });
  const bus = busTo(simulator);
  const member = memberTo(simulator);
  await bus.connect(member, never);
  await Promise.all([
    read(bus, member, 0),
    read(bus, member, 1, { deadline: 300 }),
    read(bus, member, 2, { deadline: 100 }),
    read(bus, member, 3, { deadline: 200 }),
    read(bus, member, 4, { rank: 0, deadline: 900 }),
  ]);
  expect(simulator.requests.map(({ address }) => address)).toEqual([0, 4, 2, 3, 1]);
});

test("an event tag goes before other polls, whatever their deadlines, and after a write", async () => {
  const simulator = await simulated({ delay: 5 });
  const bus = busTo(simulator);
  const member = memberTo(simulator);
  await bus.connect(member, never);
  await Promise.all([
    read(bus, member, 0),
    read(bus, member, 1, { deadline: 1 }),
    read(bus, member, 2, { rank: 1, deadline: 900 }),
    read(bus, member, 3, { rank: 1, deadline: 300 }),
    read(bus, member, 4, { rank: 0 }),
  ]);
  expect(simulator.requests.map(({ address }) => address)).toEqual([0, 4, 3, 2, 1]);
});

test("waits for the turnaround where the unit changes, and nowhere else", async () => {
  const simulator = await simulated({ units: { 1: {}, 2: {} } });
  const pauses: number[] = [];
  const bus = new ModbusBus(at({ port: simulator.port }), {
    now: () => 0,
    monotonic: () => pauses.length * 20,
    sleep: async (pause) => void pauses.push(pause),
  });
  onTestFinished(() => bus.close());
  const [one, two] = [1, 2].map((unit) => memberTo(simulator, unit, { turnaround: "20ms" }));
  if (one === undefined || two === undefined) return;
  await bus.connect(one, never);
  await bus.connect(two, never);
  for (const member of [one, one, two, two, one]) await read(bus, member, 0);
  expect(pauses).toEqual([20, 20]);
});

test("lets nothing come between the requests of one turn", async () => {
  const simulator = await simulated();
  const bus = busTo(simulator);
  const member = memberTo(simulator);
  await bus.connect(member, never);
  const both = bus.submit({
    member,
    rank: 0,
    deadline: 0,
    signal: never,
    work: async (exchange) => {
      await exchange({ functionCode: 3, unit: 1, address: 10, quantity: 1 });
      return exchange({ functionCode: 6, unit: 1, address: 10, value: 5 });
    },
  });
  await Promise.all([both, read(bus, member, 0, { rank: 0 }), read(bus, member, 1, { rank: 0 })]);
  expect(simulator.requests.map(({ address }) => address)).toEqual([10, 10, 0, 1]);
});

test("opens one connection for all who connect at once", async () => {
  const simulator = await simulated({ units: { 1: {}, 2: {}, 3: {} }, maxConnections: 1 });
  const bus = busTo(simulator);
  const members = [1, 2, 3].map((unit) => memberTo(simulator, unit));
  await Promise.all(members.map((member) => bus.connect(member, never)));
  await Promise.all(members.map((member) => read(bus, member, 0)));
  expect(simulator.acceptedCount).toBe(1);
});

test("rejects all that wait as soon as the connection is lost, and opens it again for the next to connect", async () => {
  const simulator = await simulated();
  const bus = busTo(simulator);
  const member = memberTo(simulator, 1, { timeout: "10s" });
  const lost = await endOf(bus, member, never);
  simulator.freeze();
  const waiting = Promise.allSettled([0, 1, 2].map((address) => read(bus, member, address)));
  await expect.poll(() => simulator.requestCount).toBe(1);
  simulator.dropConnections();
  for (const result of await waiting) {
    expect(result).toMatchObject({ status: "rejected", reason: { code: "DEVICE_UNREACHABLE" } });
  }
  expect(await lost.end).toMatchObject({ code: "DEVICE_UNREACHABLE" });
  await expect(read(bus, member, 0)).rejects.toMatchObject({ code: "DEVICE_UNREACHABLE" });
  simulator.clearFaults();
  await bus.connect(member, never);
  expect(await read(bus, member, 0)).toMatchObject({ kind: "data" });
});

test("goes on with the next request after a timeout", async () => {
  const simulator = await simulated();
  const bus = busTo(simulator);
  const member = memberTo(simulator);
  await bus.connect(member, never);
  simulator.inject({ kind: "drop" }, { times: 1 });
  const outcomes = await Promise.all([read(bus, member, 0), read(bus, member, 1)]);
  expect(outcomes.map(({ kind }) => kind)).toEqual(["timeout", "data"]);
});

test("an aborted request leaves the queue, and nothing is sent for it", async () => {
  const simulator = await simulated({ delay: 20 });
  const bus = busTo(simulator);
  const member = memberTo(simulator);
  await bus.connect(member, never);
  const abort = new AbortController();
  const first = read(bus, member, 0);
  const second = read(bus, member, 1, { signal: abort.signal });
  const third = read(bus, member, 2);
  abort.abort();
  await expect(second).rejects.toMatchObject({ name: "AbortError" });
  await Promise.all([first, third]);
  expect(simulator.requests.map(({ address }) => address)).toEqual([0, 2]);
});

test("pauses after connecting and between requests where the device asks for it; a write in the pause goes first", async () => {
  const simulator = await simulated();
  const bus = busTo(simulator);
  const member = memberTo(simulator, 1, { pauseAfterConnect: "30ms", pauseBetweenRequests: "30ms" });
  const clock: number[] = [];
  const began = performance.now();
  await bus.connect(member, never);
  const noted = (work: Promise<unknown>) => work.then(() => clock.push(performance.now() - began));
  const polled = noted(read(bus, member, 1));
  const urgent = noted(read(bus, member, 2, { rank: 0 }));
  await Promise.all([polled, urgent]);
  expect(simulator.requests.map(({ address }) => address)).toEqual([2, 1]);
  expect(clock[0]).toBeGreaterThanOrEqual(29);
  expect(clock[1]).toBeGreaterThanOrEqual(58);
});

test("takes the connection for dead once no member has answers, and not before", async () => {
  const simulator = await simulated({ units: { 1: {}, 2: {} } });
  const bus = busTo(simulator);
  const [one, other] = [memberTo(simulator, 1), memberTo(simulator, 2)];
  const lost = await endOf(bus, one, never);
  await bus.connect(other, never);
  bus.declareSilent(one);
  expect(await read(bus, other, 0)).toMatchObject({ kind: "data" });
  expect([bus.silentRuns(1), bus.silentRuns(2)]).toEqual([1, 0]);
  bus.declareSilent(other);
  expect(await lost.end).toMatchObject({ code: "DEVICE_UNREACHABLE" });
});

test("says what to check when nobody listens, and when a name is unknown", async () => {
  const simulator = await simulated();
  await simulator.refuse();
  const bus = busTo(simulator);
  await expect(bus.connect(memberTo(simulator), never)).rejects.toMatchObject({
    code: "DEVICE_UNREACHABLE",
    message: expect.stringMatching(/127\.0\.0\.1:\d+ refuses the connection\. Check/),
  });
  const nowhere = new ModbusBus(at({ host: "no-such-host.invalid" }), systemClock);
  onTestFinished(() => nowhere.close());
  await expect(
    nowhere.connect({ ...memberTo(simulator), connection: at({ host: "no-such-host.invalid" }) }, never),
  ).rejects.toMatchObject({ code: "DEVICE_UNREACHABLE" });
});

test("gives a connection up after its time, and when nobody waits for it any more", async () => {
  // 192.0.2.0/24 is kept for documentation (RFC 5737): nobody answers there; some networks say so at once.
  const away = (connectTimeout: string): BusMember => ({
    connection: at({ host: "192.0.2.1", connectTimeout }),
    context: new RecordingContext(),
  });
  const bus = new ModbusBus(away("1s").connection, systemClock);
  onTestFinished(() => bus.close());
  await expect(bus.connect(away("50ms"), never)).rejects.toMatchObject({
    code: "DEVICE_UNREACHABLE",
  });
  const abort = new AbortController();
  const connecting = bus.connect(away("60s"), abort.signal);
  abort.abort();
  await expect(connecting).rejects.toMatchObject({ name: "AbortError" });
});

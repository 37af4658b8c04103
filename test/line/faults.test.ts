import { connect as tcpConnect } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import type { DeviceState } from "../../src/supervisor/device-state.ts";
import { ModbusSimulator } from "../../simulators/modbus/server.ts";
import { natsClient, requestWrite } from "../fixture/nats-client.ts";
import { runGateway, tagOf, type RunningGateway } from "../fixture/running-gateway.ts";
import { pressFile, SiteFolder } from "../fixture/site-folder.ts";
import { signalTo } from "../../src/nats/processes-testing.ts";

async function plc(): Promise<ModbusSimulator> {
  const simulator = await ModbusSimulator.start();
  onTestFinished(() => simulator.refuse());
  return simulator;
}

interface TwoPresses extends RunningGateway {
  readonly first: ModbusSimulator;
  readonly second: ModbusSimulator;
  readonly states: { readonly device: string; readonly state: DeviceState }[];
}

/** Two presses under one gateway, so that each test can see that the other never notices. */
async function twoPresses(): Promise<TwoPresses> {
  const [first, second] = [await plc(), await plc()];
  const folder = new SiteFolder({
    "devices/press-1.yaml": pressFile("press-1", first.port),
    "devices/press-2.yaml": pressFile("press-2", second.port),
  });
  const running = await runGateway(folder);
  const states: { device: string; state: DeviceState }[] = [];
  running.gateway.deviceStates$.subscribe((change) => void states.push(change));
  return { first, second, states, ...running };
}

const goodOf = (running: Pick<RunningGateway, "reading">, device: string) =>
  running.reading((next) => tagOf(next, device) !== undefined && next.quality === "good");
const badOf = (running: Pick<RunningGateway, "reading">, device: string, status: string) =>
  running.reading((next) => tagOf(next, device) === "ram/pressure" && next.status === status);

test("a device that is absent at the start is there as soon as it is, and the other never notices", async () => {
  const first = await plc();
  const second = await plc();
  await first.refuse();
  const running = await runGateway(
    new SiteFolder({
      "devices/press-1.yaml": pressFile("press-1", first.port),
      "devices/press-2.yaml": pressFile("press-2", second.port),
    }),
  );
  await goodOf(running, "press-2");
  await vi.waitFor(() =>
    expect(
      running.readings.some((r) => tagOf(r, "press-1") === "cycle/done" && r.status === "DeviceOffline"),
    ).toBe(true),
  );
  await first.listen();
  await goodOf(running, "press-1");
  expect(running.readings.filter((r) => tagOf(r, "press-2") !== undefined && r.quality === "bad")).toEqual(
    [],
  );
});

interface Outage {
  readonly what: string;
  readonly begin: (simulator: ModbusSimulator) => void | Promise<void>;
  readonly end: (simulator: ModbusSimulator) => void | Promise<void>;
}

const outages: readonly Outage[] = [
  { what: "goes away", begin: (simulator) => simulator.refuse(), end: (simulator) => simulator.listen() },
  { what: "freezes", begin: (simulator) => simulator.freeze(), end: (simulator) => simulator.clearFaults() },
  {
    what: "sends garbage",
    begin: (simulator) => void simulator.inject({ kind: "junk" }),
    end: (simulator) => simulator.clearFaults(),
  },
];

test.each(outages)(
  "a device that $what has bad tags, and is back when data flows; the other misses nothing",
  async ({ begin, end }) => {
    const line = await twoPresses();
    await Promise.all([goodOf(line, "press-1"), goodOf(line, "press-2")]);
    const offline = badOf(line, "press-1", "DeviceOffline");
    await begin(line.first);
    await offline;
    expect(line.states.at(-1)).toMatchObject({
      device: "press-1",
      state: { state: "offline", retryInMs: expect.any(Number) },
    });
    await end(line.first);
    await goodOf(line, "press-1");
    expect(line.readings.filter((r) => tagOf(r, "press-2") !== undefined && r.quality === "bad")).toEqual([]);
    const told = line.log.filter((entry) => entry.level === "warn" && entry.message.startsWith("offline"));
    expect(told).toHaveLength(1);
  },
);

test("nats-server killed: MQTT and polling go on, it is back by itself, and LATEST is filled again", async () => {
  const line = await twoPresses();
  const nats = await natsClient(line.gateway.addresses.nats);
  await goodOf(line, "press-1");
  const before = line.gateway.natsServer?.pid;
  signalTo(before, "SIGKILL");
  await goodOf(line, "press-1");
  await vi.waitFor(() => expect(line.gateway.natsServer?.pid).not.toBe(before));
  const latest = async () => {
    const answer = await nats.request("$JS.API.STREAM.INFO.LATEST", "", { timeout: 1_000 });
    return answer.json<{ state?: { messages: number } }>().state?.messages;
  };
  await vi.waitFor(async () => expect(await latest()).toBe(8));
  expect(line.gateway.health().ok).toBe(true);
});

test("nats-server hung: noticed by a round trip, not by its process being there; killed, and back", async () => {
  const line = await twoPresses();
  await goodOf(line, "press-1");
  const hung = line.gateway.natsServer?.pid;
  signalTo(hung, "SIGSTOP");
  await goodOf(line, "press-1");
  await vi.waitFor(() => expect(line.gateway.health().ok).toBe(false));
  await vi.waitFor(() => expect(line.gateway.health().ok).toBe(true));
  expect(line.gateway.natsServer?.pid).not.toBe(hung);
});

test("a hostile MQTT client loses its connection, and the line goes on", async () => {
  const line = await twoPresses();
  await goodOf(line, "press-1");
  const { host, port } = line.gateway.addresses.broker.mqtt;
  for (const bytes of [
    Buffer.from("GET / HTTP/1.1\r\n\r\n"),
    Buffer.alloc(100_000, 0xff),
    Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]),
  ]) {
    const socket = tcpConnect(port, host);
    socket.on("error", () => {});
    await new Promise<void>((resolve) => {
      socket.once("close", () => resolve());
      socket.write(bytes);
      socket.resume();
    });
  }
  await goodOf(line, "press-1");
  expect(line.gateway.health().ok).toBe(true);
});

test("a write to a device that is away is answered at once, not after the deadline", async () => {
  const line = await twoPresses();
  await goodOf(line, "press-1");
  const nats = await natsClient(line.gateway.addresses.nats);
  const offline = badOf(line, "press-1", "DeviceOffline");
  await line.first.refuse();
  await offline;
  const reply = await requestWrite(nats, "cmd.plant1.line1.press-1.motor.setpoint", { value: 1 });
  expect(reply).toMatchObject({ ok: false, code: "DEVICE_UNREACHABLE" });
});

test("a unit that its bridge says is gone is never online, and its waits grow", async () => {
  const bridge = await plc();
  const connection = `{ transport: tcp, host: 127.0.0.1, port: ${bridge.port}, unitId: 7 }`;
  const tags = `{ x: { address: "holding:0", type: uint16, poll: fast } }`;
  const folder = new SiteFolder({
    "devices/meter-7.yaml": `device: meter-7\nadapter: modbus\nconnection: ${connection}\npoll: { fast: 50ms }\ntags: ${tags}\n`,
  });
  const running = await runGateway(folder);
  const waits: number[] = [];
  const seen = new Set<string>();
  await new Promise<void>((resolve) => {
    running.gateway.deviceStates$.subscribe(({ state }) => {
      seen.add(state.state);
      if (state.state === "offline" && waits.push(state.retryInMs ?? 0) === 4) resolve();
    });
  });
  expect([...seen]).toEqual(["offline"]);
  expect(Math.max(...waits)).toBeGreaterThan(1_000);
});

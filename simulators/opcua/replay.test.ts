import { expect, onTestFinished, test } from "vitest";
import { deviceAt, press, running, simulated } from "../../adapters/opcua/testing.ts";
import type { OpcuaDevice } from "../../adapters/opcua/mapping.ts";
import { systemClock } from "../../src/adapter-kit/clock.ts";
import { plainText } from "../../src/adapter-kit/index.ts";
import type { RecordingContext } from "../../src/adapter-kit/testing.ts";
import { headerLine, type Frame, type RecordingHeader } from "../../src/trace/frame.ts";
import { replay } from "../site/replayer.ts";
import { changesOf } from "./recorded-values.ts";

const tags = {
  pressure: { node: press("Pressure"), type: "float64" },
  setpoint: { node: press("Setpoint"), type: "uint16", write: {} },
  total: { node: press("Total"), type: "int64" },
  started: { node: press("Started"), type: "datetime" },
  name: { path: "/Objects/<nsu=http://example.com/line>Press/<nsu=http://example.com/line>Name" },
  profile: { node: press("Profile") },
  totals: { node: press("Totals") },
  bad: { node: press("Bad"), type: "float64", mode: "poll" },
  uncertain: { node: press("Uncertain"), type: "float64" },
  missing: { node: press("Missing") },
  limits: { node: press("Limits") },
} as const;

/** As a recording's file has it. */
function headerOf(device: OpcuaDevice, startedAt: number): RecordingHeader {
  const header = {
    linegate: "frames",
    version: 1,
    device: device.device,
    adapter: "opcua",
    startedAt,
  } as const;
  return JSON.parse(headerLine({ ...header, mapping: device })) as RecordingHeader;
}

function framesOf(context: RecordingContext): readonly Frame[] {
  return context.frames.map(({ frame, ...rest }, index) => ({
    ...rest,
    t: index,
    bytes: Buffer.from(frame),
  }));
}

async function played(header: RecordingHeader, frames: readonly Frame[]) {
  const options = { port: 0, clock: systemClock, speed: 1 };
  const server = await replay({ header, frames, torn: false }, options);
  onTestFinished(() => server[Symbol.asyncDispose]());
  return { place: server.place, endpoint: /opc\.tcp:\S+:\d+/.exec(server.place)?.[0] ?? "" };
}

function seenBy({ latest }: RecordingContext) {
  const entries = [...latest].filter(([tag]) => tag !== "limits");
  return Object.fromEntries(
    entries.map(([tag, { value, quality, status }]) => [tag, { value, quality, status }]),
  );
}

test("a recorded server is there again: every type, bad and uncertain values, what it does not know", async () => {
  const simulator = await simulated();
  const device = deviceAt(simulator.endpoint, tags);
  const first = await running(device);
  const count = Object.keys(tags).length;
  await expect.poll(() => first.context.latest.size).toBe(count);
  first.stop.abort();
  const { place, endpoint } = await played(headerOf(device, Date.now()), framesOf(first.context));
  expect(place).toContain("again and again; 1 nodes left out");
  const second = await running(deviceAt(endpoint, tags));
  await expect.poll(() => second.context.latest.size).toBe(count);
  expect(seenBy(second.context)).toEqual(seenBy(first.context));
  expect(second.context.latest.get("limits")).toMatchObject({ status: "BadNodeIdUnknown" });
  const write = { tag: "setpoint", value: 77 };
  await second.adapter.write?.([write], AbortSignal.timeout(5_000));
  await expect.poll(() => second.context.latest.get("setpoint")?.value).toBe(77);
});

function published(t: number, ...values: object[]): Frame {
  return { t, direction: "received", channel: "Publish", bytes: Buffer.from(JSON.stringify(values)) };
}

const startedAt = Date.UTC(2026, 0, 1);
const at = (ms: number) => new Date(startedAt + ms).toISOString();

test("values come one after the other with their statuses, source times as far apart as they were", async () => {
  const node = press("Pressure");
  const frames = [
    published(0, { node, type: "Double", value: 1, source: at(-5) }),
    published(300, { node, type: "Double", value: "Infinity", source: at(295) }),
    published(600, { node, value: null, status: "BadSensorFailure", source: at(580) }),
    published(900, { node, type: "Double", value: 4, status: "UncertainLastUsableValue", source: at(895) }),
  ];
  const pressure = { node, type: "float64" } as const;
  const device = deviceAt("opc.tcp://127.0.0.1:4840", { pressure });
  const { endpoint } = await played(headerOf(device, startedAt), frames);
  const { context } = await running(deviceAt(endpoint, { pressure }));
  const told = () =>
    context.batches
      .flat()
      .map(({ value, status = "" }) => `${value === null ? "" : plainText(value)} ${status}`);
  const round = ["1 ", "Infinity ", " BadSensorFailure", "4 UncertainLastUsableValue", "1 "];
  await expect.poll(() => told().join()).toContain(round.join());
  const samples = context.batches.flat();
  const begin = told().indexOf("Infinity ");
  const times = samples.slice(begin, begin + 3).map(({ sourceTimestamp = 0 }) => sourceTimestamp);
  expect([(times[1] ?? 0) - (times[0] ?? 0), (times[2] ?? 0) - (times[1] ?? 0)]).toEqual([285, 315]);
});

test("values of every type that has a form as text are there again; others are left out, and no crash", async () => {
  const line = (name: string) => `nsu=http://example.com/line;s=${name}`;
  const recorded = [
    ["name", "QualifiedName", "2:Press"],
    ["id", "NodeId", "ns=2;s=Press"],
    ["far", "ExpandedNodeId", "ns=2;s=Press"],
    ["status", "StatusCode", "BadSensorFailure (0x808c0000)"],
    ["xml", "XmlElement", "<a/>"],
    ["order", "Guid", "0A1B2C3D-1111-2222-3333-44445555AAAA"],
    ["names", "QualifiedName[]", ["0:a", "1:b"]],
  ] as const;
  const left = [
    ["any", "Variant[]", [1, "a"]],
    ["diagnosis", "DiagnosticInfo", {}],
    ["strange", "Double", "twelve"],
  ] as const;
  const frames = [...recorded, ...left].map(([name, type, value], index) =>
    published(index, { node: line(name), type, value, source: at(index) }),
  );
  const mapped = Object.fromEntries([...recorded, ...left].map(([name]) => [name, { node: line(name) }]));
  const device = deviceAt("opc.tcp://127.0.0.1:4840/acc", mapped);
  const { endpoint, place } = await played(headerOf(device, startedAt), frames);
  expect(place).toContain("/acc, ");
  expect(place).toContain("; 3 nodes left out");
  const { context } = await running(deviceAt(`${endpoint}/acc`, mapped));
  await expect.poll(() => context.latest.size).toBe(recorded.length + left.length);
  for (const [name, , value] of recorded)
    expect(context.latest.get(name)).toMatchObject({ value, quality: "good" });
  for (const [name] of left) expect(context.latest.get(name)).toMatchObject({ status: "BadNodeIdUnknown" });
});

test("several values of one message are set when they happened, by the device's own clock", () => {
  const node = press("Counter");
  const hour = 3_600_000;
  const value = (source: number, number: number) => ({
    node,
    type: "UInt32",
    value: number,
    source: at(hour + source),
  });
  const changes = changesOf([
    published(1_000, value(-50_000, 1)),
    published(1_250, value(100, 2), value(180, 3), value(240, 4)),
    { ...published(1_500, value(300, 5)), length: 9_999 },
    { ...published(1_600, value(300, 5)), direction: "sent" },
    { ...published(1_700), bytes: Buffer.from("{torn") },
  ]);
  expect(changes.map(({ at, value }) => [at, value])).toEqual([
    [1_000, 1],
    [1_110, 2],
    [1_190, 3],
    [1_250, 4],
  ]);
});

test("a recording without values, and a port that is taken, are told as that", async () => {
  const device = deviceAt("opc.tcp://127.0.0.1:4840", {});
  const options = { port: 0, clock: systemClock, speed: 1 };
  const empty = { header: headerOf(device, 0), frames: [], torn: false };
  await expect(replay(empty, options)).rejects.toThrow("holds no value");
  const simulator = await simulated();
  const frames = [published(0, { node: press("Pressure"), type: "Double", value: 1 })];
  const taken = replay({ ...empty, frames }, { ...options, port: simulator.port });
  await expect(taken).rejects.toThrow("Choose another with --port");
});

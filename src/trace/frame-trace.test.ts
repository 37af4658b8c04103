import { expect, test } from "vitest";
import type { DeviceMapping } from "../adapter-kit/mapping.ts";
import { FrameTrace } from "./frame-trace.ts";

const mapping = (device: string): DeviceMapping => ({
  device,
  adapter: "modbus",
  connection: {},
  options: {},
  tags: [{ name: "a", options: {}, value: { kind: "integer", min: 0n, max: 7n }, scale: 1, offset: 0 }],
});

function traced(maxBytes = 1_000_000) {
  const time = { ms: 1_000 };
  const clock = { now: () => 5_000_000 + time.ms, monotonic: () => time.ms, sleep: async () => {} };
  const trace = new FrameTrace({ maxBytes, clock });
  const keep = (device: string, text: string) => {
    time.ms += 1;
    trace.keep(device, "received", "tcp", Buffer.from(text));
  };
  const summary = () =>
    JSON.parse(trace.summary()) as {
      devices: { device: string; frames: number; from: number }[];
      incidents: { number: number; device: string; reason: string; frames: number }[];
    };
  const bytes = (device: string, incident?: number) =>
    trace
      .recording(mapping(device), incident)
      ?.slice(1)
      .map((line) => Buffer.from((JSON.parse(line) as { bytes: string }).bytes, "base64").toString());
  return { trace, time, keep, summary, bytes };
}

test("the last frames of a device are a recording: header first, times from its first frame", () => {
  const { trace, keep } = traced();
  keep("press-1", "one");
  keep("press-1", "two");
  const [header, ...frames] = trace.recording(mapping("press-1")) ?? [];
  expect(JSON.parse(header ?? "")).toMatchObject({
    linegate: "frames",
    version: 1,
    device: "press-1",
    startedAt: 5_001_001,
    mapping: { tags: [{ value: { max: "7" } }] },
  });
  expect(frames.map((line) => JSON.parse(line) as unknown)).toEqual([
    { t: 0, direction: "received", channel: "tcp", bytes: "b25l" },
    { t: 1, direction: "received", channel: "tcp", bytes: "dHdv" },
  ]);
});

test("around a fault the frames before it and those of two seconds after are set aside", () => {
  const { trace, time, keep, summary, bytes } = traced();
  keep("press-1", "before");
  trace.fault("press-1", "overrun");
  trace.fault("press-1", "timeout");
  trace.lost("press-1", "DEVICE_TIMEOUT");
  trace.lost("press-1", "DEVICE_TIMEOUT");
  keep("press-1", "after");
  time.ms += 2_000;
  for (let n = 0; n < 20_000; n += 1) keep("press-1", `later ${n}, and much longer than all before it`);
  expect(summary().incidents).toMatchObject([
    { number: 1, device: "press-1", reason: "timeout, offline DEVICE_TIMEOUT" },
  ]);
  expect(bytes("press-1", 1)).toEqual(["before", "after"]);
  expect(bytes("press-1")).not.toContain("before");
  expect(bytes("press-1", 2)).toBeUndefined();
  expect(bytes("press-2", 1)).toBeUndefined();
});

test("a device that flaps sets one incident a minute aside, and others keep theirs", () => {
  const { trace, time, keep, summary } = traced();
  keep("calm", "frame");
  trace.fault("calm", "exception-2");
  for (let minute = 0; minute < 20; minute += 1) {
    for (let n = 0; n < 3; n += 1) {
      keep("flapping", "frame");
      trace.fault("flapping", "timeout");
    }
    time.ms += 61_000;
  }
  const { incidents } = summary();
  expect(incidents).toHaveLength(8);
  expect(incidents[0]).toMatchObject({ number: 1, device: "calm" });
  expect(incidents.at(-1)).toMatchObject({ number: 21, device: "flapping" });
});

test("with no memory given nothing is kept", () => {
  const { trace, keep, summary } = traced(0);
  keep("press-1", "frame");
  trace.fault("press-1", "timeout");
  expect(summary()).toEqual({ devices: [], incidents: [] });
});

test("all incidents and the ring together stay within the memory given", () => {
  const { trace, time, keep, summary, bytes } = traced(65_536);
  for (let n = 0; n < 12; n += 1) {
    for (let frame = 0; frame < 200; frame += 1) keep(`d${n}`, "x".repeat(200));
    trace.fault(`d${n}`, "timeout");
    time.ms += 3_000;
  }
  const sizes = summary().incidents.map(
    ({ device, number }) => (bytes(device, number) ?? []).join("").length,
  );
  expect(sizes).toHaveLength(8);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(32_768);
});

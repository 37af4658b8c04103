import { expect, test } from "vitest";
import type { Deadband, DeviceMapping, TagMapping } from "../adapter-kit/mapping.ts";
import { ms } from "../domain/duration.ts";
import type { Reading, Sample } from "../domain/reading.ts";
import { mostTagsPerTemplate, noReadings, Normaliser } from "./normaliser.ts";
import { Sequences } from "./sequences.ts";

const single = { kind: "float", single: true } as const;

function tag(name: string, more: Partial<TagMapping> = {}): TagMapping {
  return { name, options: {}, value: single, scale: 1, offset: 0, ...more };
}

function setUp(tags: readonly TagMapping[], sequences = new Sequences()) {
  const time = { now: 1_795_370_000_000, monotonic: 0 };
  const clock = { now: () => time.now, monotonic: () => time.monotonic, sleep: async () => {} };
  const device: DeviceMapping = { device: "press-1", adapter: "modbus", connection: {}, options: {}, tags };
  const readings: Reading[] = [];
  const publish = (reading: Reading) => void readings.push(reading);
  const normaliser = new Normaliser(device, {
    site: "plant1/line1",
    clock,
    sequences,
    publish,
    counters: noReadings(),
  });
  const accept = (...samples: Sample[]) => normaliser.accept(samples);
  return { time, readings, normaliser, accept, sequences };
}

const good = (name: string, value: Sample["value"], more: Partial<Sample> = {}): Sample => ({
  tag: name,
  value,
  quality: "good",
  ...more,
});

test("a sample becomes a reading with name, unit, scaled value, time and sequence", () => {
  const { readings, accept } = setUp([tag("ram/pressure", { scale: 0.1, unit: "bar" })]);
  accept(good("ram/pressure", 1824));
  expect(readings[0]).toMatchObject({
    value: 182.4,
    quality: "good",
    unit: "bar",
    timestamp: 1_795_370_000_000,
    sequence: 1,
  });
  expect(readings[0]?.path.topic).toBe("data/plant1/line1/press-1/ram/pressure");
  expect(readings[0]?.path.subject).toBe("data.plant1.line1.press-1.ram.pressure");
});

test("the source's own time wins over the gateway's", () => {
  const { readings, accept } = setUp([tag("a")]);
  accept(good("a", 1, { sourceTimestamp: 1_795_369_999_500 }));
  expect(readings[0]?.timestamp).toBe(1_795_369_999_500);
});

test.each([Number.NaN, Number.POSITIVE_INFINITY])("%s is bad, NotANumber, with no value", (value) => {
  const { readings, accept } = setUp([tag("a", { scale: 0.1 })]);
  accept(good("a", value));
  expect(readings[0]).toMatchObject({ value: null, quality: "bad", status: "NotANumber" });
});

test("a value that came with quality bad is not passed on", () => {
  const { readings, accept } = setUp([tag("a")]);
  accept({ tag: "a", value: 7, quality: "bad", status: "IllegalDataAddress" });
  expect(readings[0]).toMatchObject({ value: null, quality: "bad", status: "IllegalDataAddress" });
});

test("sequences grow by one for each reading and go on when the device is restarted", () => {
  const first = setUp([tag("a")]);
  first.accept(good("a", 1), good("a", 1));
  const second = setUp([tag("a")], first.sequences);
  second.accept(good("a", 1));
  expect([...first.readings, ...second.readings].map((r) => r.sequence)).toEqual([1, 2, 3]);
});

const deadband: Deadband = { kind: "absolute", band: 0.5, republish: ms(60_000) };

test("a deadband holds back small changes without using up sequence numbers", () => {
  const { readings, accept, normaliser } = setUp([tag("a", { deadband })]);
  for (const value of [10, 10.4, 10.5, 10.6, 10.2]) accept(good("a", value));
  expect(readings.map((r) => [r.value, r.sequence])).toEqual([
    [10, 1],
    [10.6, 2],
  ]);
  expect(normaliser.counters.suppressed).toBe(3);
});

test("within a deadband a change of quality goes out, and a reading after the republish time", () => {
  const { readings, accept, time } = setUp([tag("a", { deadband })]);
  accept(good("a", 10));
  accept({ tag: "a", value: 10, quality: "uncertain", status: "SubNormal" });
  time.monotonic += 59_999;
  accept({ tag: "a", value: 10, quality: "uncertain", status: "SubNormal" });
  expect(readings).toHaveLength(2);
  time.monotonic += 1;
  accept({ tag: "a", value: 10, quality: "uncertain", status: "SubNormal" });
  expect(readings).toHaveLength(3);
});

test("a tag whose samples stop goes bad once, and good again with the next sample", () => {
  const { readings, accept, normaliser, time } = setUp([tag("a", { stale: ms(3000) }), tag("b")]);
  accept(good("a", 1), good("b", 1));
  time.monotonic = 3000;
  normaliser.markStale(3000);
  expect(readings).toHaveLength(2);
  normaliser.markStale(3001);
  normaliser.markStale(3500);
  accept(good("a", 2));
  expect(readings.slice(2).map((r) => [r.quality, r.status])).toEqual([
    ["bad", "Stale"],
    ["good", undefined],
  ]);
});

test("a lost device gives one bad reading for every tag, once", () => {
  const { readings, normaliser } = setUp([tag("a"), tag("b")]);
  normaliser.markAllBad("DeviceOffline");
  normaliser.markAllBad("DeviceOffline");
  expect(readings.map((r) => [r.path.topic.slice(-1), r.status])).toEqual([
    ["a", "DeviceOffline"],
    ["b", "DeviceOffline"],
  ]);
});

test("a wildcard makes tags as they come, up to a limit, and only with names fit for a topic", () => {
  const { readings, accept, normaliser } = setUp([tag("shelf/{1}/stock")]);
  const template = "shelf/{1}/stock";
  accept(good("shelf/12/stock", 5, { template }), good("shelf/a b/stock", 5, { template }), good("other", 5));
  expect(readings.map((r) => r.path.subject)).toEqual(["data.plant1.line1.press-1.shelf.12.stock"]);
  expect(normaliser.counters.unknown).toBe(2);
  for (let i = 0; i < mostTagsPerTemplate + 5; i++) accept(good(`shelf/n${i}/stock`, 1, { template }));
  expect([...normaliser.tags()]).toHaveLength(mostTagsPerTemplate);
});

import { Subject } from "rxjs";
import { expect, onTestFinished, test, vi } from "vitest";
import type { ActiveRule, BatchLimits } from "../../config/upload.ts";
import { byteSize } from "../../domain/byte-size.ts";
import { ms } from "../../domain/duration.ts";
import { encodeReading, type PublishedReading, type TagValue } from "../../domain/reading.ts";
import { TagPath } from "../../domain/tag-path.ts";
import { FakeClock, FakeStore, settle } from "../testing.ts";
import { unpackBatch } from "./pack.ts";
import { UploadPart } from "./upload-part.ts";

const batch: BatchLimits = { maxAge: ms(30_000), maxBytes: byteSize(256_000), maxReadings: 50_000 };
const raw: ActiveRule = { kind: "raw", stream: "telemetry" };
const windows: ActiveRule = {
  kind: "window",
  stream: "telemetry",
  every: ms(10_000),
  lateness: ms(2_000),
  values: ["mean", "count"],
};

/** A gateway's upload on a store and a clock of its own. */
function gateway(
  tags: Readonly<Record<string, ActiveRule>>,
  store = new FakeStore(),
  clock = new FakeClock(),
) {
  const readings$ = new Subject<PublishedReading>();
  const warnings: unknown[][] = [];
  const tell = (...said: unknown[]) => void warnings.push(said);
  const log = { debug: () => {}, info: () => {}, warn: tell, error: tell };
  const part = new UploadPart({ gateway: "gw", site: "plant1", readings$, store, clock, log });
  let sequence = 0;
  const read = (tag: string, value: TagValue | null, time = clock.now()) => {
    const reading = {
      path: new TagPath("data", "plant1", tag),
      value,
      quality: value === null ? ("bad" as const) : ("good" as const),
      timestamp: time,
      unit: "bar",
      sequence: (sequence += 1),
      readAt: 0,
    };
    const json = encodeReading(reading);
    readings$.next({ reading, json, payload: Buffer.from(json) });
  };
  part.start({ upload: { tags, batch } });
  onTestFinished(() => (store.isDead ? undefined : part.stop()));
  return { part, store, clock, read, warnings };
}

function batches(store: FakeStore) {
  return store.messages.map(({ payload }) => unpackBatch(Buffer.from(payload)));
}

/** A second of the clock after another, until so many have passed. */
async function seconds(
  clock: FakeClock,
  count: number,
  each: (second: number) => void = () => {},
): Promise<void> {
  for (let second = 0; second < count; second += 1) {
    each(second);
    for (let quarter = 0; quarter < 4; quarter += 1) await clock.pass(250);
  }
}

test("raw readings go out as one batch when it is old enough, and a tag without a rule does not", async () => {
  const { store, clock, read } = gateway({ "press-1/ram": raw });
  const began = clock.now();
  await seconds(clock, 31, (second) => {
    read("press-1/ram", second / 2);
    read("press-1/other", second);
  });
  await vi.waitFor(() => expect(store.messages).toHaveLength(1));
  expect(store.messages[0]).toMatchObject({
    stream: "BATCHES",
    subject: "batch.gw.telemetry",
    headers: {
      "Linegate-Gateway": "gw",
      "Linegate-Epoch": "e1",
      "Linegate-Stream": "telemetry",
      "Linegate-Batch": "1",
      "Linegate-From": String(began),
      "Content-Encoding": "zstd",
    },
  });
  // The outbox's own, with the run in it: a file that was rolled back gives the same batch numbers to other batches.
  expect(store.messages[0]?.id).toBeUndefined();
  const [only] = batches(store);
  expect(only?.series).toHaveLength(1);
  expect(only?.series[0]).toMatchObject({ tag: "press-1/ram", unit: "bar", columns: [{ name: "value" }] });
  expect(only?.series[0]?.columns[0]?.values.slice(0, 4)).toEqual([0, 0.5, 1, 1.5]);
});

test("a batch is closed by its readings too, and numbers go on after a restart without a gap", async () => {
  const tags = { "press-1/ram": raw };
  const store = new FakeStore();
  const first = gateway(tags, store);
  await first.part.apply({ upload: { tags, batch: { ...batch, maxReadings: 10 } } });
  for (let count = 0; count < 25; count += 1) first.read("press-1/ram", count);
  await first.part.stop();
  expect(batches(store).map((one) => one.batch)).toEqual([1, 2, 3]);
  const second = gateway(tags, store);
  second.read("press-1/ram", 25);
  await second.part.stop();
  const all = batches(store);
  expect(all.map((one) => one.batch)).toEqual([1, 2, 3, 4]);
  expect(all.flatMap(({ series }) => series[0]?.columns[0]?.values)).toEqual(
    Array.from({ length: 26 }, (_, i) => i),
  );
});

test("a batch that would not fit into a message becomes several", async () => {
  const { part, store, read } = gateway({ "press-1/text": raw });
  let seed = 1;
  const text = () =>
    Array.from({ length: 4_000 }, () => (seed = (seed * 16_807) % 2_147_483_647).toString(36)).join("");
  for (let count = 0; count < 90; count += 1) read("press-1/text", text());
  await part.stop();
  const sizes = store.messages.map(({ payload }) => payload.length);
  expect(Math.max(...sizes)).toBeLessThan(1_000_000);
  expect(batches(store).map((one) => one.batch)).toEqual(sizes.map((_, index) => index + 1));
  expect(batches(store).reduce((sum, one) => sum + (one.series[0]?.times.length ?? 0), 0)).toBe(90);
});

test("an event goes out at once, and only where something changed", async () => {
  const { store, read } = gateway({ "press-1/door": { kind: "event", stream: "events" } });
  read("press-1/door", true);
  read("press-1/door", true);
  read("press-1/door", false);
  await vi.waitFor(() => expect(store.messages).toHaveLength(1));
  expect(batches(store)[0]).toMatchObject({
    stream: "events",
    series: [{ columns: [{ values: [true, false] }] }],
  });
});

test("tags that a wildcard makes follow the rule of their pattern", async () => {
  const { part, store, read } = gateway({ "shop/shelf/{1}/stock": raw });
  read("shop/shelf/7/stock", 3);
  read("shop/shelf/7/other", 3);
  await part.stop();
  expect(batches(store)[0]?.series.map(({ tag }) => tag)).toEqual(["shop/shelf/7/stock"]);
});

test("open windows survive a stop, and an edited rule gives out what is open", async () => {
  const store = new FakeStore();
  const clock = new FakeClock();
  const first = gateway({ "press-1/ram": windows }, store, clock);
  first.read("press-1/ram", 10);
  await first.part.stop();
  expect(store.messages).toEqual([]);
  const second = gateway({ "press-1/ram": windows }, store, clock);
  second.read("press-1/ram", 30);
  await second.part.apply({ upload: { tags: { "press-1/ram": { ...windows, every: ms(60_000) } }, batch } });
  expect(batches(store)[0]?.series[0]).toMatchObject({ every: 10_000, columns: [{}, { values: [2] }, {}] });
  await second.part.stop();
  await second.part.apply({});
});

test("late readings are counted and told", async () => {
  const { part, clock, read, warnings } = gateway({ "press-1/ram": windows });
  read("press-1/ram", 1);
  await seconds(clock, 20);
  read("press-1/ram", 2, clock.now() - 15_000);
  read("press-1/ram", 3);
  expect(warnings).toHaveLength(1);
  const late = [...part.metrics()].find(({ name }) => name === "linegate_upload_late_readings_total");
  expect([...(late?.samples ?? [])]).toEqual([[{ stream: "telemetry" }, 1]]);
});

/** Rows that are not stored yet; of the three tags at most 38 come in the age of a batch. */
function waitingRows({ part }: ReturnType<typeof gateway>): number {
  const waiting = [...part.metrics()].find(({ name }) => name === "linegate_upload_waiting_rows");
  return [...(waiting?.samples ?? [])].reduce((sum, [, rows]) => sum + Number(rows), 0);
}

/** Ended windows of a tag that are neither in a batch nor in its stored state. */
function missing(store: FakeStore, tag: string, every: number, began: number): readonly number[] {
  const text = store.disk.get(`tag/${tag}`);
  if (text === undefined) return [];
  const { state } = JSON.parse(text) as { state: { open: { start: number } | null } };
  const { rows } = sent(store);
  const gone: number[] = [];
  for (let start = Math.floor(began / every) * every; start < (state.open?.start ?? 0); start += every)
    if (!rows.includes(`${tag} ${start}`)) gone.push(start);
  return gone;
}

/** Rows as `tag time`, and the numbers of their batches. */
function sent(store: FakeStore) {
  const all = batches(store);
  const rows = all.flatMap(({ series }) =>
    series
      .filter(({ every }) => every !== undefined)
      .flatMap(({ tag, times }) => times.map((time) => `${tag} ${time}`)),
  );
  return { numbers: all.map((one) => one.batch), rows };
}

test("killed at any commit: no window twice, no number missing, and what is lost is less than a batch's age", async () => {
  const tags = { "a/x": windows, "a/y": { ...windows, every: ms(25_000) }, "a/raw": raw };
  for (const lastIsWritten of [false, true]) {
    for (let kill = 0; kill < 10; kill += 1) {
      const store = new FakeStore();
      const clock = new FakeClock();
      Object.assign(store, { diesAfter: kill, lastIsWritten });
      const first = gateway(tags, store, clock);
      const feed = (to: ReturnType<typeof gateway>) => (second: number) => {
        for (const tag of Object.keys(tags)) to.read(tag, second);
      };
      const began = clock.now();
      let diedAt = 0;
      for (let second = 0; second < 120 && !store.isDead; second += 1) {
        await seconds(clock, 1, feed(first));
        // The clock is the test's, the time that packing takes is not: closed batches are stored before it goes on.
        await vi.waitUntil(() => store.isDead || waitingRows(first) < 39, { timeout: 30_000, interval: 1 });
        diedAt = clock.now();
      }
      store.isDead = true;
      expect(missing(store, "a/x", 10_000, began)).toEqual([]);
      expect(missing(store, "a/y", 25_000, began)).toEqual([]);
      const after = new FakeStore();
      for (const [key, value] of store.disk) after.disk.set(key, value);
      after.messages.push(...store.messages);
      const second = gateway(tags, after, clock);
      await seconds(clock, 40, feed(second));
      await second.part.stop();
      const { numbers, rows } = sent(after);
      expect(new Set(rows).size).toBe(rows.length);
      expect(numbers).toEqual(numbers.map((_, index) => index + 1));
      const raws = batches(after).flatMap(({ series }) =>
        series.filter(({ tag }) => tag === "a/raw").flatMap(({ times }) => times),
      );
      const gaps = raws.map((time, index) => time - (raws[index - 1] ?? time));
      expect(Math.max(...gaps)).toBeLessThan(40_000);
      expect(diedAt).toBeGreaterThan(0);
    }
  }
});

test("a store that takes nothing costs a bounded number of rows in memory; the rest is counted", async () => {
  const store = new FakeStore();
  Object.assign(store, { diesAfter: 0 });
  const { part, read } = gateway({ "press-1/ram": raw }, store);
  await part.apply({ upload: { tags: { "press-1/ram": raw }, batch: { ...batch, maxReadings: 10 } } });
  const text = "x".repeat(100_000);
  for (let count = 0; count < 200; count += 1) {
    read("press-1/ram", `${count} ${text}`);
    if (count % 10 === 0) await settle();
  }
  const figures = new Map(
    [...part.metrics()].map(({ name, samples }) => [name, Number([...samples][0]?.[1])]),
  );
  const waiting = figures.get("linegate_upload_waiting_rows") ?? 0;
  expect(waiting).toBeLessThan(70);
  expect(figures.get("linegate_upload_lost_rows_total")).toBe(200 - waiting);
});

test("thinned, finer rules become windows that say so, texts keep their last value, and events stay", async () => {
  const event: ActiveRule = { kind: "event", stream: "events" };
  const tags = { "press-1/ram": raw, "press-1/text": raw, "press-1/fault": event, "press-1/slow": windows };
  const { part, store, clock, read } = gateway(tags);
  const each = (second: number) => {
    read("press-1/ram", second);
    read("press-1/text", `t${second}`);
    read("press-1/slow", second);
  };
  await seconds(clock, 5, each);
  await part.thin(ms(60_000));
  const before = store.messages.length;
  read("press-1/fault", true);
  await seconds(clock, 130, each);
  await part.thin(undefined);
  const thin = store.messages.slice(before).filter(({ subject }) => subject === "batch.gw.telemetry");
  expect(thin.map(({ headers }) => headers?.["Linegate-Thinned"])).toContain("1m");
  expect(store.messages.slice(0, before).some(({ headers }) => headers?.["Linegate-Thinned"])).toBe(false);
  const series = thin.flatMap(({ payload }) => unpackBatch(Buffer.from(payload)).series);
  const columns = (tag: string) =>
    series
      .filter((one) => one.tag === tag && one.every === 60_000)
      .map((one) => one.columns.map(({ name }) => name));
  expect(columns("press-1/ram")[0]).toEqual(["mean", "min", "max", "last", "count", "coverage"]);
  expect(columns("press-1/text")[0]).toEqual(["last", "count", "coverage"]);
  expect(columns("press-1/slow")[0]).toEqual(["mean", "count", "coverage"]);
  const counted = (tag: string) =>
    series
      .filter((one) => one.tag === tag && one.every === 60_000)
      .flatMap((one) => one.columns.find(({ name }) => name === "count")?.values ?? [])
      .reduce<number>((sum, value) => sum + Number(value), 0);
  expect(counted("press-1/ram")).toBe(130);
  const thinned = [...part.metrics()].find(({ name }) => name === "linegate_upload_thinned_readings_total");
  expect(thinned?.samples).toContainEqual([{ stream: "telemetry" }, 390]);
  read("press-1/ram", 1);
  await part.stop();
  expect(store.messages.at(-1)?.headers?.["Linegate-Thinned"]).toBeUndefined();
});

test("tags without a rule, however many, take no room from those with one", async () => {
  const { store, clock, read, part } = gateway({ "press-1/{1}": raw, "press-1/ram": raw });
  for (let n = 0; n < 45_000; n += 1) read(`other/n${n}`, n);
  read("press-1/ram", 1);
  read("press-1/a", 2);
  await seconds(clock, 31);
  await vi.waitFor(() => expect(store.messages).toHaveLength(1));
  expect(batches(store)[0]?.series.map(({ tag }) => tag)).toEqual(["press-1/ram", "press-1/a"]);
  expect(part.health()).toBeUndefined();
});

test("tags beyond the most that wildcards may make are counted, told once and in the health; named ones are none of them", async () => {
  const { clock, read, part, warnings } = gateway({ "press-1/{1}": raw, "press-1/ram": raw });
  for (let n = 0; n < 20_003; n += 1) read(`press-1/n${n}`, n);
  read("press-1/n20002", 1);
  read("press-1/ram", 1);
  const count = (name: string) => {
    const metric = [...part.metrics()].find((one) => one.name === `linegate_upload_${name}`);
    return [...(metric?.samples ?? [])][0]?.[1];
  };
  expect(count("refused_readings_total")).toBe(4);
  expect(count("tags")).toBe(20_001);
  expect(warnings).toEqual([
    [{ tag: "press-1/n20000", most: 20_000 }, expect.stringContaining("more tags than are uploaded")],
  ]);
  expect(part.health()).toEqual({ ok: false, detail: expect.stringContaining("20000 tags") });
  await part.apply({ upload: { tags: { "press-1/ram": raw }, batch } });
  expect(part.health()).toBeUndefined();
  expect(count("tags")).toBe(1);
  await clock.pass(250);
});

import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import type { OutboxRow } from "./outbox-row.ts";
import { stateFile, type SqliteStateStore, type StateStoreOptions } from "./sqlite-state-store.ts";
import type { OutgoingMessage } from "./state-store.ts";
import { testStore } from "./testing.ts";

async function folder() {
  const dir = await mkdtemp(join(tmpdir(), "linegate-outbox-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

function open(dir: string, options: Partial<StateStoreOptions> = {}) {
  const told: string[] = [];
  const silent = () => {};
  const error = (_: object, message: string) => void told.push(message);
  const log = { debug: silent, info: silent, warn: silent, error };
  const store = testStore(dir, { log, ...options });
  store.open();
  return { store, told };
}

const event = (payload: string): OutgoingMessage => ({ stream: "EVENTS", subject: "event.a", payload });
const batch = (payload: string): OutgoingMessage => ({ stream: "BATCHES", subject: "batch.a", payload });
const texts = (rows: readonly OutboxRow[]) => rows.map(({ payload }) => Buffer.from(payload).toString());
const waiting = (store: SqliteStateStore, stream: "EVENTS" | "BATCHES") =>
  texts(store.outbox.read(stream, 0, 1_000));
const mark = { incarnation: 1, created: "then", acked: 0, deleted: 0 };

test("messages are there after a restart with the state they belong to, and nobody sees them before the commit", async () => {
  const dir = await folder();
  const first = open(dir).store;
  const seen: string[] = [];
  first.outbox.onCommitted((rows) => void seen.push(...texts(rows)));
  const done = first.change(
    [{ scope: "a", key: "1", value: "one" }],
    [event("1"), { ...event("2"), id: "own" }],
  );
  expect(waiting(first, "EVENTS")).toEqual([]);
  expect(seen).toEqual([]);
  expect(await done).toBe("stored");
  expect(seen).toEqual(["1", "2"]);
  first.close();
  const second = open(dir).store;
  const rows = second.outbox.read("EVENTS", 0, 10);
  expect(texts(rows)).toEqual(["1", "2"]);
  expect(rows[0]?.id).toMatch(/^test-gw:[0-9a-f]{8}-[0-9a-f]{6}:1$/);
  expect(rows[1]?.id).toBe("own");
  expect(second.epoch).toBe(first.epoch);
  expect(second.outbox.backlog("EVENTS").rows).toBe(2);
});

test("an id never comes twice: not after everything was sent, and not from a file that was rolled back", async () => {
  const dir = await folder();
  const ids = [];
  for (let life = 0; life < 3; life += 1) {
    const { store } = open(dir);
    await store.change([], [event("x")]);
    const [row] = store.outbox.read("EVENTS", 0, 1);
    ids.push(row?.id);
    if (life === 0)
      store.outbox.settle(
        "EVENTS",
        { n: row?.n ?? 0, bytes: row?.bytes ?? 0, isPromised: false, seq: 1 },
        mark,
        false,
      );
    store.close();
    if (life === 1) await rm(join(dir, stateFile));
  }
  expect(new Set(ids).size).toBe(3);
});

test("what is kept after its ack waits again where the stream does not have it, and goes when it is released", async () => {
  const dir = await folder();
  const { store } = open(dir);
  await store.change([], ["1", "2", "3"].map(event));
  let last = mark;
  for (const row of store.outbox.read("EVENTS", 0, 10))
    last = store.outbox.settle("EVENTS", { ...row, seq: row.n }, last, true);
  expect(waiting(store, "EVENTS")).toEqual([]);
  expect(store.requeue("EVENTS", 1, 2)).toBe(1);
  expect(waiting(store, "EVENTS")).toEqual(["3"]);
  expect(store.outbox.kept.rows).toBe(2);
  store.release(Date.now());
  expect(store.outbox.kept).toEqual({ rows: 0, bytes: 0 });
  expect(store.mark("EVENTS")).toEqual({ incarnation: 1, created: "then", acked: 3, deleted: 2 });
});

test("where it is full the oldest batches go first, then the oldest events, and that is counted and told", async () => {
  const { store, told } = open(await folder(), { outbox: { maxBytes: 10_000, whenFull: "oldest" } });
  const large = "x".repeat(1_000);
  for (let i = 0; i < 5; i += 1) await store.change([], [batch(`${i}${large}`), event(`${i}${large}`)]);
  const numbers = (stream: "EVENTS" | "BATCHES") => waiting(store, stream).map((text) => text[0]);
  expect(numbers("BATCHES")).toEqual(["1", "2", "3", "4"]);
  expect(numbers("EVENTS")).toEqual(["0", "1", "2", "3", "4"]);
  for (let i = 5; i < 10; i += 1) await store.change([], [event(`${i}${large}`)]);
  expect(numbers("BATCHES")).toEqual([]);
  expect(numbers("EVENTS")).toEqual(["1", "2", "3", "4", "5", "6", "7", "8", "9"]);
  expect(store.outbox.dropped("BATCHES").full).toBe(5);
  expect(store.outbox.dropped("EVENTS").full).toBe(1);
  expect(told.filter((line) => line.includes("outbox is full")).length).toBeGreaterThan(0);
  expect(store.outbox.backlog("EVENTS").bytes).toBeLessThanOrEqual(10_000);
});

test("where the newest give way, what waits stays, and events find room where batches do not any more", async () => {
  const { store } = open(await folder(), { outbox: { maxBytes: 10_000, whenFull: "newest" } });
  const large = "x".repeat(1_500);
  await store.change(
    [],
    ["1", "2", "3", "4", "5", "6"].map((i) => batch(i + large)),
  );
  expect(waiting(store, "BATCHES").map((text) => text[0])).toEqual(["1", "2", "3", "4", "5"]);
  await store.change([], [event("a")]);
  expect(waiting(store, "EVENTS")).toEqual(["a"]);
  expect(store.outbox.dropped("BATCHES").full).toBe(1);
});

test("what the disk refuses is told and can be sent, within a bound, and is on disk when it takes it again", async () => {
  const dir = await folder();
  const { store, told } = open(dir, { outbox: { maxBytes: 100_000_000, whenFull: "oldest" } });
  const other = new DatabaseSync(join(dir, stateFile));
  onTestFinished(() => other.close());
  other.exec("BEGIN IMMEDIATE");
  expect(await store.change([], [event("1"), event("2")])).toBe("kept");
  expect(waiting(store, "EVENTS")).toEqual(["1", "2"]);
  const [first] = store.outbox.read("EVENTS", 0, 1);
  store.outbox.settle(
    "EVENTS",
    { n: first?.n ?? 0, bytes: first?.bytes ?? 0, isPromised: false, seq: 1 },
    mark,
    false,
  );
  await store.change(
    [],
    Array.from({ length: 9 }, () => batch("x".repeat(1_000_000))),
  );
  expect(store.outbox.dropped("BATCHES").memory + store.outbox.dropped("EVENTS").memory).toBeGreaterThan(0);
  expect(told.some((line) => line.includes("memory for it is full"))).toBe(true);
  other.exec("ROLLBACK");
  await store.change([], [event("3")]);
  store.close();
  expect(waiting(open(dir).store, "EVENTS")).toEqual(["3"]);
});

test("a corrupt file is set aside and told, never deleted, and the gateway begins anew", async () => {
  const dir = await folder();
  await writeFile(join(dir, stateFile), "this is no database, whatever else it may be".repeat(100));
  const { store, told } = open(dir);
  expect(await store.change([{ scope: "a", key: "1", value: "one" }], [event("1")])).toBe("stored");
  expect((await readdir(dir)).some((name) => name.startsWith(`${stateFile}.corrupt-20`))).toBe(true);
  expect(told).toEqual([expect.stringContaining("corrupt")]);
});

test("after an unclean end damage is found that reading the state does not come by; after a clean one nobody looks", async () => {
  const dir = await folder();
  const { store } = open(dir);
  for (let n = 0; n < 100; n += 1) await store.change([], [batch("x".repeat(1_000))]);
  const other = new DatabaseSync(join(dir, stateFile));
  onTestFinished(() => other.close());
  other.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  await store.change([{ scope: "a", key: "1", value: "one" }]);
  const killed = await folder();
  for (const ending of ["", "-wal"]) {
    await copyFile(join(dir, stateFile + ending), join(killed, stateFile + ending));
  }
  const sound = open(killed);
  expect(sound.store.condition).toEqual({ isDurable: true, setAside: undefined });
  sound.store.close();
  const damaged = await folder();
  const bytes = await readFile(join(dir, stateFile));
  bytes.fill(0xff, bytes.length - 4_096 + 8, bytes.length - 4_096 + 200);
  await writeFile(join(damaged, stateFile), bytes);
  await copyFile(join(dir, `${stateFile}-wal`), join(damaged, `${stateFile}-wal`));
  const found = open(damaged);
  expect(found.told).toEqual([expect.stringContaining("corrupt")]);
  expect(found.store.condition).toMatchObject({
    isDurable: true,
    setAside: expect.stringContaining(".corrupt-20"),
  });
});

test("each stream has a policy of its own: batches give way to events, and events that came first to none that come", async () => {
  const limits = { maxBytes: 10_000, whenFull: "oldest", events: { whenFull: "newest" } } as const;
  const { store } = open(await folder(), { outbox: limits });
  const large = (name: string) => `${name} ${"x".repeat(900)}`;
  for (let n = 0; n < 9; n += 1) await store.change([], [batch(large(`b${n}`))]);
  for (let n = 0; n < 12; n += 1) await store.change([], [event(large(`e${n}`))]);
  expect(waiting(store, "BATCHES")).toEqual([]);
  expect(waiting(store, "EVENTS").map((text) => text.split(" ")[0])).toEqual(
    Array.from({ length: 10 }, (_, n) => `e${n}`),
  );
  expect(store.outbox.dropped("BATCHES").full).toBe(9);
  expect(store.outbox.dropped("EVENTS").full).toBe(2);
  expect(store.outbox.offered("EVENTS").rows).toBe(12);
});

test("what goes out only from the disk has no number before: nothing that the disk refuses meanwhile overtakes it", async () => {
  const dir = await folder();
  const { store } = open(dir);
  const announced: string[] = [];
  store.outbox.onCommitted(
    (rows) => void announced.push(...rows.map(({ n, payload }) => `${n} ${Buffer.from(payload).toString()}`)),
  );
  const other = new DatabaseSync(join(dir, stateFile));
  onTestFinished(() => other.close());
  other.exec("BEGIN IMMEDIATE");
  expect(await store.change([], [{ ...event("durable"), whenStored: true }])).toBe("kept");
  expect(await store.change([], [event("alert")])).toBe("kept");
  expect(announced).toEqual(["1 alert"]);
  expect(waiting(store, "EVENTS")).toEqual(["alert"]);
  other.exec("ROLLBACK");
  expect(await store.change([], [event("next")])).toBe("stored");
  expect(announced).toEqual(["1 alert", "2 next", "3 durable"]);
  expect(waiting(store, "EVENTS")).toEqual(["alert", "next", "durable"]);
});

test("batches that wait for the disk are bounded too, the oldest gone first and counted", async () => {
  const dir = await folder();
  const { store } = open(dir, { outbox: { maxBytes: 100_000_000, whenFull: "oldest" } });
  const other = new DatabaseSync(join(dir, stateFile));
  onTestFinished(() => other.close());
  other.exec("BEGIN IMMEDIATE");
  const large = (i: number) => ({ ...batch(`${i}`.padEnd(1_000_000, "x")), whenStored: true }) as const;
  for (let i = 0; i < 10; i += 1) await store.change([], [large(i)]);
  expect(store.outbox.dropped("BATCHES").memory).toBeGreaterThan(0);
  expect(store.outbox.backlog("BATCHES").bytes).toBeLessThanOrEqual(8_000_000);
  other.exec("ROLLBACK");
  expect(await store.change([], [event("next")])).toBe("stored");
  expect(waiting(store, "BATCHES").at(-1)?.[0]).toBe("9");
  expect(waiting(store, "BATCHES").map((text) => text[0])).not.toContain("0");
});

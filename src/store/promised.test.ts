import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import type { FullPolicy, OutboxLimits } from "./outbox-row.ts";
import { stateFile, type SqliteStateStore } from "./sqlite-state-store.ts";
import type { OutgoingMessage } from "./state-store.ts";
import { testStore } from "./testing.ts";

const maxBytes = 10_000;
const mark = { incarnation: 1, created: "then", acked: 0, deleted: 0 };

async function folder() {
  const dir = await mkdtemp(join(tmpdir(), "linegate-promised-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

function open(dir: string, limits: Partial<OutboxLimits> = {}): SqliteStateStore {
  const store = testStore(dir, { outbox: { maxBytes, whenFull: "oldest", ...limits } });
  store.open();
  return store;
}

const large = (name: string) => `${name} ${"x".repeat(900)}`;
const sale = (name: string): OutgoingMessage => ({
  stream: "EVENTS",
  subject: "event.till.sale",
  payload: large(name),
  whenStored: true,
});
const alert = (name: string): OutgoingMessage => ({
  stream: "EVENTS",
  subject: "alert.a",
  payload: large(name),
});
const batch = (name: string): OutgoingMessage => ({
  stream: "BATCHES",
  subject: "batch.a",
  payload: large(name),
  whenStored: true,
});

const nameOf = (payload: Uint8Array) => Buffer.from(payload).toString().split(" ")[0] ?? "";
const waiting = (store: SqliteStateStore, stream: "EVENTS" | "BATCHES") =>
  store.outbox.read(stream, 0, 1_000).map(({ payload }) => nameOf(payload));

/** As a device's message is taken: undefined where there is no PUBACK. */
async function publish(store: SqliteStateStore, name: string): Promise<string | undefined> {
  const message = sale(name);
  if (!store.outbox.hasRoom("EVENTS", message.payload.length)) return undefined;
  await store.change([], [message]);
  return name;
}

/** Sales until none is taken any more. */
async function fill(store: SqliteStateStore): Promise<string[]> {
  const taken: string[] = [];
  for (let n = 0; ; n += 1) {
    const name = await publish(store, `s${n}`);
    if (name === undefined) return taken;
    taken.push(name);
  }
}

test("what was acknowledged to a device gives way to nothing, after a restart either: batches go, then the gateway's own events", async () => {
  const dir = await folder();
  const first = open(dir);
  await first.change([], [batch("b0"), batch("b1"), alert("a0")]);
  const sales = await fill(first);
  expect(sales.length).toBeGreaterThan(6);
  for (let n = 1; n < 20; n += 1) await first.change([], [alert(`a${n}`)]);
  expect(waiting(first, "BATCHES")).toEqual([]);
  expect(waiting(first, "EVENTS").filter((name) => name.startsWith("s"))).toEqual(sales);
  expect(waiting(first, "EVENTS").at(-1)).toBe("a19");
  first.close();
  const store = open(dir);
  for (let n = 20; n < 40; n += 1) await store.change([], [alert(`a${n}`), batch(`b${n}`)]);
  expect(waiting(store, "EVENTS").filter((name) => name.startsWith("s"))).toEqual(sales);
  expect(await publish(store, "late")).toBeUndefined();
  expect(store.outbox.dropped("EVENTS").full).toBe(20);
  expect(store.outbox.dropped("BATCHES").full).toBe(20);
});

test("where there are only such messages, what comes is lost and counted", async () => {
  const store = open(await folder());
  const sales = await fill(store);
  await store.change([], [{ ...alert("a"), payload: "x".repeat(5_000) }]);
  expect(waiting(store, "EVENTS")).toEqual(sales);
  expect(store.outbox.dropped("EVENTS").full).toBe(1);
});

test("acknowledged by JetStream and not surely synced, it still takes room and gives way to nothing", async () => {
  const dir = await folder();
  const store = open(dir);
  const sales = await fill(store);
  let last = mark;
  for (const row of store.outbox.read("EVENTS", 0, 100))
    last = store.outbox.settle("EVENTS", { ...row, seq: row.n }, last, true);
  await store.change([]);
  expect(last).toMatchObject({ promised: sales.length });
  expect(await publish(store, "late")).toBeUndefined();
  for (let n = 0; n < 5; n += 1) await store.change([], [alert(`a${n}`)]);
  expect(store.outbox.kept.rows).toBe(sales.length);
  store.close();
  const again = open(dir);
  expect(await publish(again, "late")).toBeUndefined();
  expect(again.requeue("EVENTS", 1, 0)).toBe(sales.length);
  expect(waiting(again, "EVENTS").filter((name) => name.startsWith("s"))).toEqual(sales);
  expect(await publish(again, "late")).toBeUndefined();
  for (const row of again.outbox.read("EVENTS", 0, 100))
    last = again.outbox.settle("EVENTS", { ...row, seq: row.n }, last, true);
  await again.change([]);
  again.release(Date.now() + 1_000);
  expect(await publish(again, "late")).toBe("late");
});

test("a file of an earlier version is taken on: of its messages any device's event may have been acknowledged", async () => {
  const dir = await folder();
  const before = open(dir);
  await before.change([], [alert("a0"), sale("s0"), alert("a1"), sale("s1")]);
  before.close();
  const file = new DatabaseSync(join(dir, stateFile));
  file.exec("ALTER TABLE outbox DROP COLUMN promised");
  file.close();
  const store = open(dir);
  expect(waiting(store, "EVENTS")).toEqual(["a0", "a1", "s0", "s1"]);
  for (let n = 2; n < 20; n += 1) await store.change([], [alert(`a${n}`)]);
  expect(waiting(store, "EVENTS").slice(0, 2)).toEqual(["s0", "s1"]);
});

const step = fc.constantFrom("sale", "alert", "batch", "ack", "release", "again", "restart");
const policy = fc.constantFrom<"oldest" | "newest">("oldest", "newest");

test("whatever comes, is acknowledged, comes back and is restarted: what was taken from a device is there until it is released", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 10, maxLength: 60 }),
      policy,
      fc.option(fc.constantFrom<FullPolicy>("oldest", "newest", "thin")),
      async (steps, whenFull, ofBatches) => {
        const dir = await folder();
        const limits = { maxBytes: 4_000, whenFull, batches: { whenFull: ofBatches ?? undefined } };
        let store = open(dir, limits);
        let taken: string[] = [];
        let last = mark;
        for (const [at, kind] of steps.entries()) {
          if (kind === "sale") {
            const name = await publish(store, `s${at}`);
            if (name !== undefined) taken.push(name);
          } else if (kind === "alert") await store.change([], [alert(`a${at}`)]);
          else if (kind === "batch") await store.change([], [batch(`b${at}`)]);
          else if (kind === "again") store.requeue("EVENTS", 1, 0);
          else if (kind === "ack") {
            const [row] = store.outbox.read("EVENTS", 0, 1);
            if (row !== undefined) last = store.outbox.settle("EVENTS", { ...row, seq: row.n }, last, true);
            await store.change([]);
          } else if (kind === "release") {
            const waits = waiting(store, "EVENTS");
            taken = taken.filter((name) => waits.includes(name));
            store.release(Date.now() + 1_000);
          } else {
            store.close();
            store = open(dir, limits);
          }
          expect(store.outbox.kept.bytes).toBeGreaterThanOrEqual(0);
        }
        store.requeue("EVENTS", 1, 0);
        expect(waiting(store, "EVENTS").filter((name) => name.startsWith("s"))).toEqual(taken);
        expect(store.outbox.backlog("EVENTS").rows).toBe(waiting(store, "EVENTS").length);
        store.close();
        await rm(dir, { recursive: true, force: true });
      },
    ),
    { numRuns: 40 },
  );
});

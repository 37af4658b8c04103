import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { identityOf, SeenIdentities } from "./seen-identities.ts";
import { stateFile } from "./sqlite-state-store.ts";
import { overwritePage, pageBytes, pagesOf, testStore } from "./testing.ts";

async function folder() {
  const dir = await mkdtemp(join(tmpdir(), "linegate-salvage-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

function open(dir: string) {
  const told: object[] = [];
  const silent = () => {};
  const warn = (fields: object) => void told.push(fields);
  const store = testStore(dir, { log: { debug: silent, info: silent, warn, error: silent } });
  const seen = new SeenIdentities(() => 1_000);
  store.join(seen);
  store.open();
  return { store, seen, told };
}

const sale = (n: number) => identityOf("pos", `${n}`);

/** A closed file with `count` events, each in a leaf of the table with a few others, and an identity for each; some are acknowledged. */
async function fill(dir: string, count: number, payload: (n: number) => string) {
  const { store, seen } = open(dir);
  for (let n = 1; n <= count; n += 1) {
    seen.add(sale(n), "0011223344556677");
    await store.change(
      [{ scope: "line", key: `${n}`, value: "running" }],
      [{ stream: "EVENTS", subject: `event.${n}`, headers: { "Line-Id": `${n}` }, payload: payload(n) }],
    );
  }
  const mark = { incarnation: 3, created: "then", acked: 6, deleted: 5 };
  await store.setMark("EVENTS", mark);
  const first = store.outbox.read("EVENTS", 0, 1)[0];
  store.outbox.settle("EVENTS", { n: 1, bytes: first?.bytes ?? 0, isPromised: false, seq: 7 }, mark, true);
  store.close();
}

const waiting = (store: ReturnType<typeof open>["store"]) =>
  store.outbox.read("EVENTS", 0, 1_000).map(({ n }) => n);

test("a damaged page costs the messages on it; all others wait, acknowledged ones too, and half a state is not taken over", async () => {
  const dir = await folder();
  await fill(dir, 60, (n) => `${n}`.padEnd(900, "."));
  const [, damaged = 0] = pagesOf(dir, "outbox", "leaf");
  await overwritePage(dir, damaged);
  const { store, seen, told } = open(dir);
  expect(store.outbox.read("EVENTS", 0, 1)[0]?.isPromised).toBe(false);
  expect(store.condition).toMatchObject({ isDurable: true, setAside: expect.stringContaining(".corrupt-") });
  const found = waiting(store);
  expect(found[0]).toBe(1);
  expect(found.at(-1)).toBe(60);
  expect(found).toEqual(found.toSorted((one, other) => one - other));
  expect(60 - found.length).toBeGreaterThan(0);
  expect(60 - found.length).toBeLessThan(6);
  expect(store.outbox.backlog("EVENTS").rows).toBe(found.length);
  expect(store.outbox.kept.rows).toBe(0);
  expect(store.mark("EVENTS")).toEqual({ incarnation: 3, created: "then", acked: 5, deleted: 5 });
  expect(seen.contentOf(sale(60))).toBe("0011223344556677");
  expect(store.read("line").size).toBe(0);
  expect(told).toContainEqual({
    from: expect.stringContaining(".corrupt-"),
    rows: { outbox: found.length, identity: 60 },
  });
  await store.change([], [{ stream: "EVENTS", subject: "event.next", payload: "next" }]);
  const rows = store.outbox.read("EVENTS", 0, 1_000);
  expect(rows.at(-1)).toMatchObject({ n: 61, headers: { "Linegate-First": "61" } });
  expect(rows.slice(0, -1).filter(({ headers }) => "Linegate-First" in headers)).toEqual([]);
  store.close();
  expect(waiting(open(dir).store)).toEqual([...found, 61]);
});

test("a damaged piece of one long message costs that message", async () => {
  const dir = await folder();
  await fill(dir, 20, (n) => `${n}`.padEnd(n === 7 ? 30_000 : 100, "."));
  const [damaged = 0] = pagesOf(dir, "outbox", "overflow");
  await overwritePage(dir, damaged);
  // A log that was left makes the start look through the file: nothing that is read at a start comes by that piece.
  await writeFile(join(dir, `${stateFile}-wal`), "no log");
  const { store } = open(dir);
  expect(waiting(store)).toEqual(Array.from({ length: 20 }, (_, at) => at + 1).filter((n) => n !== 7));
});

test("where the marks of the streams are gone too, the streams are looked through from their beginnings", async () => {
  const dir = await folder();
  await fill(dir, 3, (n) => `${n}`);
  for (const page of pagesOf(dir, "state", "leaf")) await overwritePage(dir, page);
  const { store } = open(dir);
  expect(waiting(store)).toEqual([1, 2, 3]);
  expect(store.mark("EVENTS")).toEqual({ incarnation: 1, created: "", acked: 0, deleted: 0 });
});

test("whatever is damaged, the store opens and stores, and what it has to send can be read", async () => {
  const sound = await folder();
  await fill(sound, 40, (n) => `${n}`.padEnd(n % 5 === 0 ? 9_000 : 300, "."));
  const damage = fc.record({
    page: fc.integer({ min: 1, max: 40 }),
    at: fc.integer({ min: 0, max: pageBytes - 64 }),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 64 }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(damage, { minLength: 1, maxLength: 6 }), async (damages) => {
      const dir = await folder();
      await copyFile(join(sound, stateFile), join(dir, stateFile));
      for (const { page, at, bytes } of damages) await overwritePage(dir, page, Buffer.from(bytes), at);
      await writeFile(join(dir, `${stateFile}-wal`), "no log");
      const { store } = open(dir);
      expect(await store.change([{ scope: "a", key: "1", value: "one" }])).toBe("stored");
      expect(waiting(store).length).toBeLessThanOrEqual(40);
      store.close();
    }),
    { numRuns: 60 },
  );
});

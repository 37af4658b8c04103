import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { contentMark, identityOf, SeenIdentities } from "./seen-identities.ts";
import { stateFile, type SqliteStateStore } from "./sqlite-state-store.ts";
import { testStore } from "./testing.ts";

async function folder() {
  const dir = await mkdtemp(join(tmpdir(), "linegate-seen-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

const day = 86_400_000;

function open(dir: string, at: { now: number } = { now: 0 }) {
  const seen = new SeenIdentities(() => at.now, { perScope: 4, days: 30, pruneEvery: 3 });
  const store = testStore(dir);
  store.join(seen);
  store.open();
  return { seen, store };
}

async function add(seen: SeenIdentities, store: SqliteStateStore, scope: string, ids: readonly number[]) {
  for (const id of ids) {
    seen.add(identityOf(scope, `${id}`), contentMark(Buffer.from(`content ${id}`)));
    await store.change([]);
  }
}

const known = (seen: SeenIdentities, scope: string, ids: readonly number[]) =>
  ids.filter(
    (id) => seen.contentOf(identityOf(scope, `${id}`)) === contentMark(Buffer.from(`content ${id}`)),
  );

test("identities are there at once, and after a restart; of those beyond the bound the oldest are forgotten, each scope by itself", async () => {
  const dir = await folder();
  const first = open(dir);
  await add(first.seen, first.store, "other", [1]);
  await add(first.seen, first.store, "sale", [1, 2, 3, 4, 5, 6, 7, 8]);
  expect(known(first.seen, "sale", [8, 9])).toEqual([8]);
  first.store.close();
  const { seen } = open(dir);
  const kept = known(seen, "sale", [1, 2, 3, 4, 5, 6, 7, 8]);
  expect(kept.slice(-4)).toEqual([5, 6, 7, 8]);
  expect(kept.length).toBeLessThan(8);
  expect(known(seen, "other", [1])).toEqual([1]);
});

test("identities that are older than the bound are forgotten", async () => {
  const at = { now: 0 };
  const { seen, store } = open(await folder(), at);
  await add(seen, store, "sale", [1, 2]);
  at.now = 31 * day;
  await add(seen, store, "sale", [3, 4, 5]);
  expect(known(seen, "sale", [1, 2, 3, 4, 5])).toEqual([3, 4, 5]);
});

test("an identity is on disk with the message that it belongs to or not at all, and the message is not sent before", async () => {
  const dir = await folder();
  const { seen, store } = open(dir);
  const sent: string[] = [];
  store.outbox.onCommitted((rows) => void sent.push(...rows.map(({ subject }) => subject)));
  const disk = new DatabaseSync(join(dir, stateFile));
  onTestFinished(() => disk.close());
  disk.exec("BEGIN IMMEDIATE");
  seen.add(identityOf("sale", "1"), contentMark(Buffer.from("1")));
  const kept = await store.change(
    [],
    [
      { stream: "EVENTS", subject: "sale", payload: "1", whenStored: true },
      { stream: "EVENTS", subject: "alert", payload: "2" },
    ],
  );
  expect(kept).toBe("kept");
  expect(seen.contentOf(identityOf("sale", "1"))).toBe(contentMark(Buffer.from("1")));
  expect(sent).toEqual(["alert"]);
  expect(store.outbox.read("EVENTS", 0, 10).map(({ subject }) => subject)).toEqual(["alert"]);
  await store.change(
    [],
    Array.from({ length: 9 }, () => ({ stream: "EVENTS", subject: "bulk", payload: "x".repeat(1_000_000) })),
  );
  disk.exec("ROLLBACK");
  expect(await store.change([])).toBe("stored");
  expect(sent).toContain("sale");
  expect(disk.prepare("SELECT count(*) AS rows FROM identity").get()?.["rows"]).toBe(1);
  expect(disk.prepare("SELECT count(*) AS rows FROM outbox WHERE subject = 'sale'").get()?.["rows"]).toBe(1);
});

test("identities of other scopes, and of other parts, are others", () => {
  const all = [
    identityOf("a", "b"),
    identityOf("a", "b", ""),
    identityOf("a", '["b"]'),
    identityOf("b", "b"),
  ];
  expect(new Set(all.map(({ scope, hash }) => `${scope} ${hash}`)).size).toBe(4);
});

test("a message has room while a tenth is left to the gateway's own", async () => {
  const store = testStore(await folder(), { outbox: { maxBytes: 10_000, whenFull: "oldest" } });
  store.open();
  expect(store.outbox.hasRoom("EVENTS", 9_000)).toBe(true);
  await store.change([], [{ stream: "BATCHES", subject: "batch", payload: "x".repeat(8_000) }]);
  expect(store.outbox.hasRoom("EVENTS", 8_000)).toBe(true);
  await store.change([], [{ stream: "EVENTS", subject: "event", payload: "x".repeat(2_000) }]);
  expect(store.outbox.hasRoom("EVENTS", 8_000)).toBe(false);
});

import { mkdtemp, rm } from "node:fs/promises";
import { copyFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { ManualClock } from "../services/commands/testing.ts";
import type { SyncedFile } from "./log-sync.ts";
import { stateFile, type StateStoreOptions } from "./sqlite-state-store.ts";
import type { OutgoingMessage } from "./state-store.ts";
import { testStore } from "./testing.ts";

/** A disk that syncs when the test lets it. */
class HeldDisk implements SyncedFile {
  readonly held: ((error: Error | null) => void)[] = [];
  asked = 0;

  sync(done: (error: Error | null) => void): void {
    this.asked += 1;
    this.held.push(done);
  }

  syncNow(): void {}

  close(): void {}

  finish(error: Error | null = null): void {
    this.held.shift()?.(error);
  }
}

async function open(options: Partial<StateStoreOptions> = {}) {
  const dir = await mkdtemp(join(tmpdir(), "linegate-sync-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const disk = new HeldDisk();
  const store = testStore(dir, { openLog: () => disk, ...options });
  store.open();
  const seen: string[] = [];
  store.outbox.onCommitted((rows) => {
    for (const { payload } of rows) seen.push(Buffer.from(payload).toString());
  });
  return { dir, disk, store, seen };
}

const event = (payload: string): OutgoingMessage => ({ stream: "EVENTS", subject: "event.a", payload });
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** What a promise has come to so far. */
function progress(promise: Promise<string>): { readonly result: () => string } {
  let result = "open";
  void promise.then((value) => (result = value));
  return { result: () => result };
}

test("nobody is told, and no message is seen or read, before it is surely on disk", async () => {
  const { disk, store, seen } = await open();
  const first = progress(store.change([{ scope: "a", key: "1", value: "one" }], [event("1")]));
  await turn();
  const second = progress(store.change([], [event("2")]));
  await turn();
  expect([first.result(), second.result(), seen]).toEqual(["open", "open", []]);
  expect(store.outbox.read("EVENTS", 0, 10)).toEqual([]);
  disk.finish();
  await turn();
  expect([first.result(), second.result(), seen]).toEqual(["stored", "open", ["1"]]);
  expect(store.outbox.read("EVENTS", 0, 10)).toHaveLength(1);
  disk.finish();
  await turn();
  expect([second.result(), seen]).toEqual(["stored", ["1", "2"]]);
});

test("what is committed while the disk is busy shares the next sync", async () => {
  const { disk, store } = await open();
  const all: { result: () => string }[] = [];
  for (const key of ["1", "2", "3", "4"]) {
    all.push(progress(store.change([{ scope: "a", key, value: key }])));
    await turn();
  }
  disk.finish();
  disk.finish();
  await turn();
  expect(all.map(({ result }) => result())).toEqual(["stored", "stored", "stored", "stored"]);
  expect(disk.asked).toBe(2);
});

test("what is only noted is in the file at once, and asks for a sync of its own a second later at most", async () => {
  const clock = new ManualClock();
  const { dir, disk, store } = await open({ clock });
  store.note([{ scope: "a", key: "1", value: "one" }]);
  await turn();
  store.note([{ scope: "a", key: "2", value: "two" }]);
  await turn();
  using other = new DatabaseSync(join(dir, stateFile), { readOnly: true });
  expect(other.prepare("SELECT count(*) AS n FROM state WHERE scope = 'a'").get()?.["n"]).toBe(2);
  expect(disk.asked).toBe(0);
  await clock.pass(1_000);
  expect(disk.asked).toBe(1);
});

test("a message that the disk refuses does not overtake one that waits for the disk", async () => {
  const { dir, disk, store, seen } = await open();
  void store.change([], [event("1")]);
  await turn();
  using other = new DatabaseSync(join(dir, stateFile));
  other.exec("BEGIN IMMEDIATE");
  const refused = progress(store.change([], [event("2")]));
  await turn();
  expect(seen).toEqual([]);
  disk.finish();
  disk.finish();
  await turn();
  expect(seen).toEqual(["1", "2"]);
  expect(refused.result()).toBe("kept");
  other.exec("ROLLBACK");
});

test("what a failed sync was for counts as kept, and is brought to the file itself by the next try", async () => {
  const clock = new ManualClock();
  const told: string[] = [];
  const say = (_: object, message: string) => void told.push(message);
  const log = { debug: say, info: say, warn: say, error: say };
  const { dir, disk, store, seen } = await open({ clock, log });
  const change = progress(store.change([{ scope: "a", key: "1", value: "one" }], [event("1")]));
  await turn();
  disk.finish(new Error("EIO"));
  await turn();
  expect([change.result(), seen]).toEqual(["kept", ["1"]]);
  expect(told).toEqual(["The durable state can't be written; check the disk"]);
  await clock.pass(5_000);
  expect(told.at(-1)).toBe("The durable state is written to disk again");
  // Without the log: what the kernel took for written there is of no use.
  const copy = join(dir, "copy.db");
  copyFileSync(join(dir, stateFile), copy);
  using saved = new DatabaseSync(copy, { readOnly: true });
  expect(saved.prepare("SELECT value FROM state WHERE key = '1'").get()?.["value"]).toBe("one");
});

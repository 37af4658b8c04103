import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../adapter-kit/clock.ts";
import { readState } from "./read-state.ts";
import { SqliteStateStore, stateFile } from "./sqlite-state-store.ts";

async function folder() {
  const dir = await mkdtemp(join(tmpdir(), "linegate-state-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

function open(dir: string) {
  const told: string[] = [];
  const quiet = {
    debug: () => {},
    info: () => {},
    warn: () => {},
    error: (_: object, message: string) => void told.push(message),
  };
  const store = new SqliteStateStore({
    dir,
    gateway: "line1-gw",
    outbox: { maxBytes: 1_000_000, whenFull: "oldest" },
    newToken: randomUUID,
    clock: systemClock,
    log: quiet,
  });
  store.open();
  onTestFinished(() => store.close());
  return { store, told };
}

test("what was changed is there after a restart, in key order, and what was removed is not", async () => {
  const dir = await folder();
  const { store } = open(dir);
  const changes = [
    store.change([
      { scope: "a", key: "2", value: "two" },
      { scope: "a", key: "1", value: "one" },
    ]),
    store.change([
      { scope: "a", key: "3", value: "three" },
      { scope: "b", key: "1", value: "other" },
    ]),
    store.change([{ scope: "a", key: "3", value: null }]),
  ];
  expect(await Promise.all(changes)).toEqual(["stored", "stored", "stored"]);
  const expected = [
    ["1", "one"],
    ["2", "two"],
  ];
  expect([...store.read("a")]).toEqual(expected);
  expect([...(await readState(dir, "a"))]).toEqual(expected);
  store.close();
  expect([...open(dir).store.read("a")]).toEqual(expected);
});

test("a change is read back at once, and a close commits what still waits", async () => {
  const dir = await folder();
  const { store } = open(dir);
  const change = store.change([{ scope: "a", key: "1", value: "one" }]);
  expect(store.read("a").get("1")).toBe("one");
  store.close();
  expect(await change).toBe("stored");
  expect((await readState(dir, "a")).get("1")).toBe("one");
});

test("where there is no disk to be had the state is kept in memory, and that is said", async () => {
  const dir = join(await folder(), "data");
  await writeFile(dir, "a file where the folder belongs");
  const { store, told } = open(dir);
  expect(await store.change([{ scope: "a", key: "1", value: "one" }])).toBe("kept");
  expect(store.read("a").get("1")).toBe("one");
  expect(told).toHaveLength(1);
});

test("a folder without state has none", async () => {
  expect((await readState(await folder(), "a")).size).toBe(0);
});

test("what the disk refused is stored with the next change that it takes", async () => {
  const dir = await folder();
  const { store, told } = open(dir);
  const other = new DatabaseSync(join(dir, stateFile));
  onTestFinished(() => other.close());
  other.exec("BEGIN IMMEDIATE");
  expect(await store.change([{ scope: "a", key: "1", value: "one" }])).toBe("kept");
  expect(await store.change([{ scope: "a", key: "1", value: "newer" }])).toBe("kept");
  expect(told).toHaveLength(1);
  other.exec("ROLLBACK");
  expect(await store.change([{ scope: "a", key: "2", value: "two" }])).toBe("stored");
  expect([...(await readState(dir, "a"))]).toEqual([
    ["1", "newer"],
    ["2", "two"],
  ]);
});

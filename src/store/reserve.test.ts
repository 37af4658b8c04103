import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { stateFile } from "./sqlite-state-store.ts";
import { testStore } from "./testing.ts";

test("a gateway that starts on a full disk has its state, and keeps new room in reserve when there is some", async (ctx) => {
  const dir = mkdtempSync(join(tmpdir(), "linegate-reserve-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=8m", "none", dir]).status === 0;
  ctx.skip(!mounted, "this user may not mount a small disk");
  onTestFinished(() => void spawnSync("umount", ["-l", dir]));
  const first = testStore(dir);
  first.open();
  await first.change([{ scope: "a", key: "1", value: "one" }]);
  first.close();
  expect(statSync(join(dir, "linegate.reserve")).size).toBe(256_000);

  const filler = join(dir, "filler");
  expect(() => writeFileSync(filler, Buffer.alloc(16_000_000))).toThrow("ENOSPC");
  const told: string[] = [];
  const say = (_: object, message: string) => void told.push(message);
  const second = testStore(dir, { log: { debug: say, info: say, warn: say, error: say } });
  second.open();
  expect(second.read("a").get("1")).toBe("one");
  expect(told).toEqual([]);
  expect(statSync(join(dir, stateFile)).size).toBeGreaterThan(0);
  rmSync(filler);
  expect(await second.change([{ scope: "a", key: "2", value: "two" }])).toBe("stored");
  second.close();
  const third = testStore(dir);
  third.open();
  expect([...third.read("a").keys()]).toEqual(["1", "2"]);
  expect(statSync(join(dir, "linegate.reserve")).size).toBe(256_000);
});

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { runScript } from "../../nats/testing.ts";
import { lockFolder } from "./service-lock.ts";
import { signalTo } from "../../nats/processes-testing.ts";

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), "linegate-lock-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

test("a folder is taken by one process, and free again when that gives it back or is killed", async () => {
  const dir = folder();
  const unlock = lockFolder(dir);
  expect(() => lockFolder(dir)).toThrow(/runs already/);
  unlock();
  const lock = JSON.stringify(join(import.meta.dirname, "service-lock.ts"));
  const { pid } = await runScript(
    `import { setImmediate as turn } from "node:timers/promises"; import { lockFolder } from ${lock}; lockFolder(${JSON.stringify(dir)}); await turn(); gc(); await turn(); console.log("taken"); setInterval(() => {}, 1000);`,
  );
  expect(() => lockFolder(dir)).toThrow(/runs already/);
  signalTo(pid, "SIGKILL");
  await expect
    .poll(() => {
      lockFolder(dir)();
      return "free";
    })
    .toBe("free");
});

test("a folder that can't be is told", () => {
  const file = join(folder(), "file");
  writeFileSync(file, "");
  expect(() => lockFolder(join(file, "below"))).toThrow(/can't be taken/);
});

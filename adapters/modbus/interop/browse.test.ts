import { execFile, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import type { BrowsedTag } from "../../../src/adapter-kit/index.ts";
import { deviceOf } from "../mapping-fixture.ts";
import { connected } from "../testing.ts";

const python = "/usr/bin/python3";

test("finds the end of each table of a PLC played by pymodbus, and what its registers hold", async (ctx) => {
  const installed = await promisify(execFile)(python, ["-c", "import pymodbus.server"]).catch(
    () => undefined,
  );
  if (installed === undefined) return ctx.skip("python3-pymodbus is not installed");
  const script = new URL("plc.py", import.meta.url).pathname;
  const held = { type: "float32", order: "CDAB", address: 990, registers: 2, value: "182.5" };
  const plc = spawn(python, [script, JSON.stringify([held])], { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void plc.kill("SIGKILL"));
  const first = await createInterface({ input: plc.stdout })[Symbol.asyncIterator]().next();
  const port = Number(first.value);
  const { adapter } = await connected(deviceOf([], { connection: { port, timeout: "2s" } }));
  const found: BrowsedTag[] = [];
  const search = { from: "holding:900", to: "holding:1100" };
  for await (const tag of adapter.browse?.(search, AbortSignal.timeout(20_000)) ?? []) found.push(tag);
  expect(found.filter(({ value }) => value !== undefined)).toHaveLength(100);
  expect(found.at(-1)).toMatchObject({
    entry: { address: "holding:1000..1100" },
    status: "IllegalDataAddress",
  });
  expect(found.find(({ name }) => name === "holding/991")?.value).toBe(0x4336);
});

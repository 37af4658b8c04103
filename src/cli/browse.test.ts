import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { run } from "./browse.ts";
import { linegate, linesOf, simulatedPump } from "./testing.ts";

test("shows what answers in a device that nobody mapped", async () => {
  const { url } = await simulatedPump();
  const { code, stdout } = await linegate("browse", url, "--from", "holding:0", "--to", "60");
  expect(code).toBe(0);
  expect(stdout).toMatch(/holding:0..49 +answers, 50 addresses/);
  expect(stdout).toMatch(/holding:50..60 +exception 2/);
});

test("--json gives an object for each address", async () => {
  const { url } = await simulatedPump();
  const { stdout } = await linegate("browse", url, "--from", "input:1", "--to", "input:1", "--json");
  expect(linesOf(stdout)).toEqual([
    { name: "input/1", entry: { address: "input:1", type: "uint16" }, writable: false, value: 653 },
  ]);
});

test("a mapping made of it passes the check and is not written over unasked", async () => {
  const { dir, url } = await simulatedPump();
  const file = `${dir}/devices/found-1.yaml`;
  const search = ["browse", url, "--from", "holding:8", "--to", "12"];
  const made = await linegate(...search, "--write-mapping", file);
  expect(made).toMatchObject({ code: 0, stderr: expect.stringContaining("5 tags") });
  const text = await readFile(file, "utf8");
  expect(text).toContain('holding/10: { address: "holding:10", type: uint16 }');
  const again = await linegate(...search, "--write-mapping", file);
  expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining("--force") });
  const read = await linegate("read", file, "holding/10", "--json");
  expect(linesOf(read.stdout)).toMatchObject([{ value: 800, quality: "good" }]);
  const forced = await linegate(...search, "--write-mapping", file, "--force");
  expect(forced.code).toBe(0);
});

test("--units that are none are told before anything is asked", async () => {
  const { url, simulator } = await simulatedPump();
  await expect(run([url, "--units", "a..b"])).rejects.toThrow("such as 1..20");
  expect(simulator.acceptedCount).toBe(0);
});

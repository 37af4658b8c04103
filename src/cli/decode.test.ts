import { expect, test } from "vitest";
import { run } from "./decode.ts";
import { linegate, linesOf, simulatedPump } from "./testing.ts";

test("registers typed in are shown in every type and order", async () => {
  const { code, stdout } = await linegate("decode", "0x4248", "0x0000");
  expect(code).toBe(0);
  expect(stdout).toMatch(/float32 +ABCD +50\n/);
  expect(stdout).toMatch(/uint32 +CDAB +16968/);
});

test("what the panel shows picks the line for the mapping", async () => {
  const { file } = await simulatedPump();
  const asked = [
    "decode",
    file,
    "holding:40",
    "--count",
    "2",
    "--shows",
    "182.4",
    "--unit",
    "bar",
    "--name",
    "ram/pressure",
  ];
  const { code, stdout } = await linegate(...asked, "--json");
  expect(code).toBe(0);
  expect(linesOf(stdout)[0]).toMatchObject({
    scale: 1,
    line: 'ram/pressure: { address: "holding:40", type: float32, order: CDAB, unit: bar }',
  });
});

test("nothing that fits ends with 1 and says what to look at", async () => {
  const { code, stdout } = await linegate("decode", "7", "--shows", "182.4");
  expect(code).toBe(1);
  expect(stdout).toContain("Nothing in these registers fits 182.4");
});

test.each([
  [[], "takes registers"],
  [["0x12345"], "0x12345 is no register"],
  [["1", "--order", "mixed"], "there is no order mixed"],
])("%j is told in words", async (args, message) => {
  await expect(run(args)).rejects.toThrow(message);
});

test("an address that can't be read is diagnosed", async () => {
  const { url } = await simulatedPump();
  await expect(run([url, "holding:50", "--count", "1"])).rejects.toThrow("looks like an off-by-one");
});

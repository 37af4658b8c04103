import { expect, test } from "vitest";
import { linegate, linesOf, simulatedPump, startLinegate } from "./testing.ts";

test("shows every tag of a device in a table at the end", async () => {
  const { file } = await simulatedPump();
  const { code, stdout } = await linegate("monitor", file, "--for", "2s");
  expect(code).toBe(0);
  expect(stdout).toMatch(/pump-1 +online +pressure +182\.4 +bar +good/);
});

test("--json gives a reading a line, those that a deadband would hold back too, until Ctrl+C", async () => {
  const { file, unit } = await simulatedPump();
  const { child, ended, said } = startLinegate("monitor", file, "--json");
  const pressures = () =>
    linesOf(said.stdout.slice(0, said.stdout.lastIndexOf("\n") + 1)).filter(({ tag }) => tag === "pressure");
  await expect.poll(() => pressures().length).toBeGreaterThan(0);
  unit.holding.set(40, 0xcccd, 0x4336);
  await expect
    .poll(() => pressures().at(-1))
    .toMatchObject({
      device: "pump-1",
      value: 182.8,
      quality: "good",
      unit: "bar",
    });
  child.kill("SIGINT");
  expect(await ended).toMatchObject({ code: 0, stderr: "" });
});

test("a device that comes back is found again", async () => {
  const { file, simulator } = await simulatedPump();
  const { child, ended, said } = startLinegate("monitor", file, "--json");
  const states = () => [...said.stdout.matchAll(/"state":\{"state":"(\w+)"/g)].map(([, state]) => state);
  await expect.poll(states).toContain("online");
  await simulator.restart();
  await expect.poll(() => states().slice(-2)).toEqual(["offline", "online"]);
  child.kill("SIGTERM");
  expect((await ended).code).toBe(0);
});

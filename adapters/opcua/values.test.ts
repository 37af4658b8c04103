import { expect, test } from "vitest";
import { deviceAt, press, running, simulated } from "./testing.ts";

test("shows values of every kind, with the server's status as quality", async () => {
  const simulator = await simulated();
  const names = [
    "Bad",
    "Uncertain",
    "Overflow",
    "Profile",
    "Totals",
    "Limits",
    "Started",
    "Total",
    "Name",
    "Running",
  ];
  const tags = Object.fromEntries(names.map((name) => [name.toLowerCase(), { node: press(name) }]));
  const { context } = await running(deviceAt(simulator.endpoint, tags));
  await expect.poll(() => context.latest.size).toBe(names.length);
  const seen = Object.fromEntries(
    [...context.latest].map(([tag, { value, quality, status }]) => [tag, [value, quality, status]]),
  );
  expect(seen).toEqual({
    bad: [null, "bad", "BadSensorFailure"],
    uncertain: [7, "uncertain", "UncertainLastUsableValue"],
    overflow: [7, "good", undefined],
    profile: [[1.5, 2.5, 3.5], "good", undefined],
    totals: [["1", "9007199254740993"], "good", undefined],
    limits: [{ Low: 1, High: 9 }, "good", undefined],
    started: ["2026-11-22T10:00:00.000Z", "good", undefined],
    total: [9_007_199_254_740_993n, "good", undefined],
    name: ["Press 1", "good", undefined],
    running: [true, "good", undefined],
  });
});

test("keeps each change between two publishings, in order", async () => {
  const simulator = await simulated();
  const tags = {
    counter: { node: press("Counter"), type: "uint32", samplingInterval: "20ms", queueSize: 100 },
  };
  const options = { publishingInterval: "400ms" };
  const { context } = await running(deviceAt(simulator.endpoint, tags, { options }));
  // On a busy machine some hold fewer.
  await expect.poll(() => context.batches.some((batch) => batch.length > 4)).toBe(true);
  const values = context.batches.flat().map(({ value }) => Number(value));
  expect(values).toEqual(values.toSorted((one, other) => one - other));
});

test("leaves small changes at the server; where it does not take a deadband, says so once and goes without", async () => {
  const simulator = await simulated();
  const tags = {
    pressure: { node: press("Pressure"), type: "float64", serverDeadband: 5 },
    name: { node: press("Name"), type: "string", serverDeadband: 5 },
  } as const;
  const { context } = await running(deviceAt(simulator.endpoint, tags));
  await expect.poll(() => context.goodTags().sort()).toEqual(["name", "pressure"]);
  simulator.line.set("Pressure", 184);
  simulator.line.set("Pressure", 190);
  await expect.poll(() => context.latest.get("pressure")?.value).toBe(190);
  const values = context.batches
    .flat()
    .filter(({ tag }) => tag === "pressure")
    .map(({ value }) => value);
  expect(values).toEqual([182.5, 190]);
  const warnings = context.logged.filter(({ message }) => message.includes("serverDeadband"));
  expect(warnings.map(({ fields }) => fields)).toMatchObject([{ tags: ["name"] }]);
});

test("a value that is not of the mapping's type is bad, and none", async () => {
  const simulator = await simulated();
  const { context } = await running(
    deviceAt(simulator.endpoint, { name: { node: press("Name"), type: "float64" } }),
  );
  await expect
    .poll(() => context.latest.get("name"))
    .toMatchObject({ value: null, quality: "bad", status: "BadTypeMismatch" });
});

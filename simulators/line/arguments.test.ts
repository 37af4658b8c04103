import { expect, test } from "vitest";
import { readArguments, usage } from "./arguments.ts";

test("defaults, and every option of the help", () => {
  expect(readArguments([])).toMatchObject({ ports: "mapped", seed: 1, speed: 1, faults: [], help: false });
  const all =
    "--site s --host h --ports free-if-taken --broker mqtt://b --seed 7 --speed 2 --fault press-frozen@10s";
  expect(readArguments(all.split(" "))).toMatchObject({
    site: "s",
    host: "h",
    ports: "free-if-taken",
    broker: "mqtt://b",
    seed: 7,
    speed: 2,
    faults: [{ fault: "press-frozen", at: 10_000 }],
  });
  for (const option of all.match(/--\w+/g) ?? []) expect(usage).toContain(option);
});

test.each([
  ["--nonsense"],
  ["--seed", "x"],
  ["--ports", "some"],
  ["--fault", "melted@1s"],
  ["--fault", "press-frozen@soon"],
])("%s %s is refused", (...args) => {
  expect(() => readArguments(args)).toThrow(expect.objectContaining({ code: "CONFIG_INVALID" }));
});

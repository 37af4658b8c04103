import { expect, test } from "vitest";
import { filledIn, instancesOf } from "./wildcards.ts";

test("a topic without wildcards is one instance", () => {
  expect(instancesOf("agv/1/state")).toEqual([[]]);
  expect(filledIn("agv/1/state", [])).toBe("agv/1/state");
});

test("wildcards and the name's placeholders are filled alike", () => {
  const levels = instancesOf("store/+/shelf/+/stock").at(-1) ?? [];
  expect(filledIn("store/+/shelf/+/stock", levels)).toBe("store/1/shelf/3/stock");
  expect(filledIn("shelf/{2}/of/{1}", levels)).toBe("shelf/3/of/1");
  expect(filledIn("all/#", ["2"])).toBe("all/2");
});

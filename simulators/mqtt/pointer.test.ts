import { expect, test } from "vitest";
import { withPointer } from "./pointer.ts";

test("makes what is missing on the way and leaves what is there", () => {
  expect(withPointer({ a: { b: 1 } }, "/a/c", 2)).toEqual({ a: { b: 1, c: 2 } });
  expect(withPointer({}, "/loads/0/weight", 18)).toEqual({ loads: [{ weight: 18 }] });
  expect(withPointer({ loads: [{ id: "x" }] }, "/loads/0/weight", 18)).toEqual({
    loads: [{ id: "x", weight: 18 }],
  });
  expect(withPointer({}, "/a~1b/m~0n", 1)).toEqual({ "a/b": { "m~n": 1 } });
  expect(withPointer({ old: true }, "", 5)).toBe(5);
});

import fc from "fast-check";
import { expect, test } from "vitest";
import type { ValueSpec } from "../adapter-kit/mapping.ts";
import { compileScaling, toRaw } from "./scaling.ts";

const int16: ValueSpec = { kind: "integer", min: -32_768n, max: 32_767n };
const int64: ValueSpec = { kind: "integer", min: -(2n ** 63n), max: 2n ** 63n - 1n, wide: "int64" };
const single: ValueSpec = { kind: "float", single: true };

test("an integer with a fractional scale is neither truncated nor shown with binary noise", () => {
  const scale = compileScaling({ scale: 0.1, offset: 0, value: int16 });
  expect(scale(3)).toBe(0.3);
  expect(scale(1824)).toBe(182.4);
  expect(scale(-1)).toBe(-0.1);
});

test("an offset is applied after the scale", () => {
  expect(compileScaling({ scale: 0.5, offset: -40, value: int16 })(201)).toBe(60.5);
});

test("a 64-bit integer keeps every digit where nothing scales it", () => {
  const scale = compileScaling({ scale: 1, offset: 0, value: int64 });
  expect(scale(9_223_372_036_854_775_807n)).toBe(9_223_372_036_854_775_807n);
});

test("a single-precision float shows the digits it has", () => {
  const plain = compileScaling({ scale: 1, offset: 0, value: single });
  expect(plain(Math.fround(182.4))).toBe(182.4);
  expect(plain(Number.NaN)).toBeNaN();
  expect(compileScaling({ scale: 0.1, offset: 0, value: single })(Math.fround(1824.5))).toBe(182.45);
});

test("booleans and strings pass whatever the scale says", () => {
  const scale = compileScaling({ scale: 0.1, offset: 1, value: int16 });
  expect(scale(true)).toBe(true);
  expect(scale("P-7")).toBe("P-7");
});

test("every shortest single is the same single", () => {
  const plain = compileScaling({ scale: 1, offset: 0, value: single });
  fc.assert(
    fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (value) => {
      expect(Math.fround(Number(plain(value))) === value).toBe(true);
    }),
  );
});

test("what is written and read back is the raw value again", () => {
  const scales = fc.constantFrom(1, 0.1, 0.01, 0.001, 10, 2.5, 1 / 3);
  const offsets = fc.constantFrom(0, -40, 0.5, 273.15);
  fc.assert(
    fc.property(fc.integer({ min: -32_768, max: 32_767 }), scales, offsets, (raw, scale, offset) => {
      const tag = { scale, offset, value: int16 };
      expect(Number(toRaw(compileScaling(tag)(raw), tag)) + 0).toBe(raw);
    }),
  );
});

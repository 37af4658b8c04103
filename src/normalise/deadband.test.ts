import { expect, test } from "vitest";
import { ms } from "../domain/duration.ts";
import { leavesBand } from "./deadband.ts";

const absolute = { kind: "absolute", band: 0.5, republish: ms(60_000) } as const;
const percent = { kind: "percent", band: 1, republish: ms(60_000) } as const;
const onChange = { kind: "absolute", band: 0, republish: ms(60_000) } as const;

test("an absolute band holds back what stays within it, on both sides", () => {
  expect(leavesBand(absolute, 10, 10.5)).toBe(false);
  expect(leavesBand(absolute, 10, 9.5)).toBe(false);
  expect(leavesBand(absolute, 10, 10.51)).toBe(true);
  expect(leavesBand(absolute, 10, 9.49)).toBe(true);
});

test("a percent band is of the value last published, whatever its sign", () => {
  expect(leavesBand(percent, -200, -201.9)).toBe(false);
  expect(leavesBand(percent, -200, -202.1)).toBe(true);
});

test("a percent band around zero lets every change through", () => {
  expect(leavesBand(percent, 0, 0.0001)).toBe(true);
});

test("a band of zero lets every change through, of wide integers too", () => {
  expect(leavesBand(onChange, 9_007_199_254_740_993n, 9_007_199_254_740_992n)).toBe(true);
  expect(leavesBand(onChange, 7, 7)).toBe(false);
});

test("booleans, strings and missing values are published when they differ", () => {
  expect(leavesBand(absolute, false, true)).toBe(true);
  expect(leavesBand(absolute, "a", "a")).toBe(false);
  expect(leavesBand(absolute, null, 4)).toBe(true);
});

test("arrays and structures are published when something in them differs", () => {
  expect(leavesBand(onChange, [1, { a: 2 }], [1, { a: 2 }])).toBe(false);
  expect(leavesBand(onChange, [1, { a: 2 }], [1, { a: 3 }])).toBe(true);
  expect(leavesBand(onChange, null, [])).toBe(true);
});

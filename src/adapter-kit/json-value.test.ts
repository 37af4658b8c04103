import { expect, test } from "vitest";
import { fromJson } from "./json-value.ts";

test.each([
  [1.5, "float", { value: 1.5 }],
  ["1.5", "float", { bad: "NotANumber" }],
  [null, "float", { bad: "NotANumber" }],
  [undefined, "json", { bad: "NoSuchField" }],
  [7, "int", { value: 7 }],
  [7.5, "int", { bad: "NotAnInteger" }],
  [2n ** 60n, "int", { bad: "NotAnInteger" }],
  [2n ** 60n + 1n, "float", { value: 2 ** 60 }],
  [7, "int64", { value: 7n }],
  [-(2n ** 63n), "int64", { value: -(2n ** 63n) }],
  [2n ** 63n, "int64", { bad: "NotAnInteger" }],
  [2n ** 63n, "uint64", { value: 2n ** 63n }],
  [-1, "uint64", { bad: "NotAnInteger" }],
  [7.5, "int64", { bad: "NotAnInteger" }],
  [2 ** 60, "int64", { bad: "NotAnInteger" }],
  ["7", "uint64", { bad: "NotANumber" }],
  [2n ** 60n, "json", { value: 2n ** 60n }],
  [{ id: [2n ** 60n] }, "json", { value: { id: ["1152921504606846976"] } }],
  [2n ** 70n, "json", { value: "1180591620717411303424" }],
  [2 ** 53, "int", { bad: "NotAnInteger" }],
  [true, "bool", { value: true }],
  [0, "bool", { value: false }],
  [2, "bool", { bad: "NotABoolean" }],
  ["AUTOMATIC", "string", { value: "AUTOMATIC" }],
  [1, "string", { bad: "NotAString" }],
  [{ a: [1] }, "json", { value: { a: [1] } }],
  [null, "json", { bad: "NullValue" }],
  [{ a: [1, Infinity] }, "json", { bad: "NotANumber" }],
  [-Infinity, "json", { bad: "NotANumber" }],
] as const)("%o of JSON as %s", (found, type, expected) => {
  expect(fromJson(found, type)).toEqual(expected);
});

import { expect, test } from "vitest";
import { fromJson } from "./json-value.ts";

test.each([
  [1.5, "float", { value: 1.5 }],
  ["1.5", "float", { bad: "NotANumber" }],
  [null, "float", { bad: "NotANumber" }],
  [undefined, "json", { bad: "NoSuchField" }],
  [7, "int", { value: 7 }],
  [7.5, "int", { bad: "NotAnInteger" }],
  [2 ** 53, "int", { bad: "NotAnInteger" }],
  [true, "bool", { value: true }],
  [0, "bool", { value: false }],
  [2, "bool", { bad: "NotABoolean" }],
  ["AUTOMATIC", "string", { value: "AUTOMATIC" }],
  [1, "string", { bad: "NotAString" }],
  [{ a: [1] }, "json", { value: { a: [1] } }],
  [null, "json", { bad: "NullValue" }],
] as const)("%j of JSON as %s", (found, type, expected) => {
  expect(fromJson(found, type)).toEqual(expected);
});

import { expect, test } from "vitest";
import { fromNumber, fromText } from "./value.ts";

test.each([
  ["21.5", "float", { value: 21.5 }],
  [" -3e2\n", "int", { value: -300 }],
  ["", "float", { bad: "NotANumber" }],
  ["0x10", "float", { bad: "NotANumber" }],
  ["21.5 °C", "float", { bad: "NotANumber" }],
  ["1e999", "float", { bad: "NotANumber" }],
  ["1", "bool", { value: true }],
] as const)("the number %j as %s", (text, type, expected) => {
  expect(fromNumber(text, type)).toEqual(expected);
});

test.each([
  ["ON", "bool", { value: true }],
  ["false", "bool", { value: false }],
  ["maybe", "bool", { bad: "NotABoolean" }],
  [" as it is ", "string", { value: " as it is " }],
] as const)("the text %j as %s", (text, type, expected) => {
  expect(fromText(text, type)).toEqual(expected);
});

import { expect, test } from "vitest";
import { fromJson, fromNumber, fromText } from "./value.ts";

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

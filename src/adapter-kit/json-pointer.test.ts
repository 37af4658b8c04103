import fc from "fast-check";
import { expect, test } from "vitest";
import { documentWith, isPointer, pointerPath, valueAt } from "./json-pointer.ts";

/** RFC 6901 §5. */
const document = { foo: ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, " ": 7, "m~n": 8, __proto__: null };

test.each([
  ["", document],
  ["/foo", ["bar", "baz"]],
  ["/foo/0", "bar"],
  ["/", 0],
  ["/a~1b", 1],
  ["/c%d", 2],
  ["/ ", 7],
  ["/m~0n", 8],
  ["/foo/2", undefined],
  ["/foo/00", undefined],
  ["/foo/-", undefined],
  ["/foo/length", undefined],
  ["/foo/0/0", undefined],
  ["/constructor", undefined],
])("%j", (pointer, expected) => {
  expect(isPointer(pointer)).toBe(true);
  expect(valueAt(document, pointerPath(pointer))).toEqual(expected);
});

test.each(["foo", "/a~", "/a~2", "#/foo"])("%j is no pointer", (text) => {
  expect(isPointer(text)).toBe(false);
});

test("what is put at a pointer is found there", () => {
  const key = fc.string().map((text) => text.replaceAll("~", "~0").replaceAll("/", "~1"));
  fc.assert(
    fc.property(fc.array(key, { maxLength: 4 }), fc.integer(), (keys, value) => {
      const path = pointerPath(keys.map((one) => `/${one}`).join(""));
      expect(valueAt(JSON.parse(documentWith(`${value}`, path)), path)).toBe(value);
    }),
  );
});

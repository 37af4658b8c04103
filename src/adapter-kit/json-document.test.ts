import fc from "fast-check";
import { expect, test } from "vitest";
import { parseJson, plainJson } from "./json-document.ts";

test.each([
  ["123456789012345678", 123_456_789_012_345_678n],
  [" -9007199254740993\n", -9_007_199_254_740_993n],
  ["9007199254740991", 9_007_199_254_740_991],
  ['{"a":[1,\t18446744073709551615]}', { a: [1, 18_446_744_073_709_551_615n] }],
  ["[0.12345678901234567890,5000000000000000e5]", [0.123_456_789_012_345_68, 5e20]],
  ['["12345678901234567890"]', ["12345678901234567890"]],
  [`[${"9".repeat(41)}]`, ["9".repeat(41)]],
])("%s", (text, expected) => {
  expect(parseJson(text)).toEqual(expected);
});

test("what is no JSON throws, long numbers or not", () => {
  expect(() => parseJson('{"a":tr')).toThrow(SyntaxError);
  expect(() => parseJson('{"id":123456789012345678,')).toThrow(SyntaxError);
});

/** JSON in which bigints are numbers, with all their digits. */
function textOf(value: unknown, space: number): string {
  const { rawJSON } = JSON as unknown as { rawJSON(this: void, text: string): object };
  return JSON.stringify(
    value,
    (_key, one: unknown) => (typeof one === "bigint" ? rawJSON(`${one}`) : one),
    space,
  );
}

test("each whole number keeps its digits, and all else is as JSON.parse has it", () => {
  const { document } = fc.letrec((tie) => ({
    document: fc.oneof(
      { maxDepth: 4 },
      fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }),
      fc.jsonValue({ maxDepth: 0 }),
      fc.array(tie("document"), { maxLength: 4 }),
      fc.dictionary(fc.string(), tie("document"), { maxKeys: 4 }),
    ),
  }));
  fc.assert(
    fc.property(document, fc.constantFrom(0, 2), (value, space) => {
      const text = textOf(value, space);
      const parsed = parseJson(text);
      expect(textOf(parsed, space)).toBe(text);
      const quoted = (_key: string, one: unknown) => (typeof one === "bigint" ? `${one}` : one);
      expect(plainJson(parsed)).toEqual(JSON.parse(JSON.stringify(parsed, quoted)));
    }),
  );
});

test("a document without such numbers is not copied, however deep it is", () => {
  let deep: unknown = 1;
  for (let depth = 0; depth < 100_000; depth += 1) deep = [deep];
  expect(plainJson(deep)).toBe(deep);
});

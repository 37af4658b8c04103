import fc from "fast-check";
import { expect, test } from "vitest";
import { plainText, type TagValue } from "../../src/adapter-kit/index.ts";
import { encodeValue } from "./codec.ts";
import { decodeRegisters, registerEntries } from "./decode.ts";
import { deviceOf, tagOf } from "./mapping-fixture.ts";

function registersOf(bytes: Buffer): number[] {
  return Array.from({ length: bytes.length / 2 }, (_, index) => bytes.readUInt16BE(2 * index));
}

function shows(registers: readonly number[], text: string, address?: string) {
  return decodeRegisters(registers, { shows: text, ...(address === undefined ? {} : { address }) });
}

const orders = ["ABCD", "CDAB", "BADC", "DCBA"];
const wideOrders = ["ABCDEFGH", "GHEFCDAB", "BADCFEHG", "HGFEDCBA"];
const single = fc.float({ noNaN: true, noDefaultInfinity: true });
const double = fc.double({ noNaN: true, noDefaultInfinity: true });
const integer = (min: number, max: number) => fc.integer({ min, max });

/** Each type with its values and the orders that it may stand in. */
const anything: readonly (readonly [string, fc.Arbitrary<TagValue>, readonly string[]])[] = [
  ["int16", integer(-32_768, 32_767), ["AB", "BA"]],
  ["uint16", integer(0, 65_535), ["AB", "BA"]],
  ["bcd16", integer(0, 9_999), ["AB", "BA"]],
  ["int32", integer(-2_147_483_648, 2_147_483_647), orders],
  ["uint32", integer(0, 4_294_967_295), orders],
  ["bcd32", integer(0, 99_999_999), orders],
  ["float32", single, orders],
  ["int64", fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), wideOrders],
  ["uint64", fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), wideOrders],
  ["float64", double, wideOrders],
];

test.each(anything)(
  "%s: what the panel shows is found in whatever order it was sent",
  (type, values, all) => {
    fc.assert(
      fc.property(values, fc.constantFrom(...all), (value, order) => {
        const tag = tagOf({ address: "holding:0", type, order });
        const registers = registersOf(encodeValue(tag, deviceOf([]).options, value));
        const found = shows(registers, plainText(value));
        const usual = order === "AB" || order === "ABCD" || order === "ABCDEFGH";
        const entry = usual ? { type } : { type, order };
        expect(
          found.find((one) => one.start === 0 && one.scale === 1 && isSame(one.entry, entry)),
        ).toBeDefined();
      }),
      { numRuns: 300 },
    );
  },
);

function isSame(left: object, right: object): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

test("a scaled integer is found with its power of ten, and is the first where it is the usual one", () => {
  expect(shows([1_824], "182.4", "holding:40")[0]).toMatchObject({
    entry: { address: "holding:40", type: "uint16" },
    value: 1_824,
    scale: 0.1,
  });
  expect(shows([0x4248, 0], "50.0")[0]).toMatchObject({ entry: { type: "float32" }, value: 50, scale: 1 });
  expect(shows([0, 0x4248], "50.0")[0]?.entry).toEqual({ type: "float32", order: "CDAB" });
});

test("the panel rounds: as many digits as it shows must agree, and no more", () => {
  const [high = 0, low = 0] = registersOf(Buffer.from([0x43, 0x36, 0x66, 0x66]));
  expect(shows([high, low], "182.4")[0]).toMatchObject({ entry: { type: "float32" }, scale: 1 });
  expect(shows([high, low], "182")[0]).toMatchObject({ entry: { type: "float32" }, scale: 1 });
  expect(shows([high, low], "182.5")).toEqual([]);
});

test("a value that begins behind the first register is found with its own address", () => {
  expect(shows([7, 0, 0x4248], "50.0", "input:10")[0]?.entry).toEqual({
    address: "input:11",
    type: "float32",
    order: "CDAB",
  });
});

test("texts are found in both orders of their characters", () => {
  expect(shows([0x502d, 0x3137], "P-17")[0]?.entry).toEqual({ type: "string(4)" });
  expect(shows([0x2d50, 0x3731], "P-17")[0]?.entry).toEqual({ type: "string(4)", stringOrder: "BA" });
});

test("an order goes by any of its usual names and is printed by its one", () => {
  const found = decodeRegisters([0, 0x4248], { order: "word-swap" });
  expect(found.filter(({ registers }) => registers === 2).map(({ entry }) => entry["order"])).toContain(
    "CDAB",
  );
  expect(found.every(({ entry }) => entry["order"] === undefined || entry["order"] === "CDAB")).toBe(true);
});

test.each([
  [{ order: "word-swp" }, "Did you mean word-swap"],
  [{ address: "coil:3" }, "single bit"],
  [{ address: "holdng:3" }, "Did you mean holding:3"],
])("%j is answered with what is allowed", (question, message) => {
  expect(() => decodeRegisters([1, 2], question)).toThrow(message);
});

test("registers are asked for one by one, none beyond the table", () => {
  expect(registerEntries("40041", 2).map(({ address }) => address)).toEqual(["holding:40", "holding:41"]);
  expect(() => registerEntries("holding:65535", 2)).toThrow("none beyond 65535");
});

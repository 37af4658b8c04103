import fc from "fast-check";
import { expect, test } from "vitest";
import type { TagValue } from "../../src/adapter-kit/index.ts";
import { compileDecoder, encodeValue, registerMask } from "./codec.ts";
import { deviceOf, tagOf } from "./mapping-fixture.ts";
import { isMistake } from "./mistake.ts";
import { orderFor, parseOrder } from "./order.ts";

const device = deviceOf([]).options;

/** One value of each type with its bytes on the wire, from the tables of IEEE 754 and two's complement. */
const vectors: readonly (readonly [type: string, order: string, wire: string, value: TagValue])[] = [
  ["int16", "AB", "8000", -32_768],
  ["int16", "BA", "feff", -2],
  ["uint16", "AB", "ff00", 65_280],
  ["uint16", "BA", "ff00", 255],
  ["uint16", "CDAB", "0102", 258],
  ["uint16", "DCBA", "0102", 513],
  ["int32", "ABCD", "fffffffe", -2],
  ["int32", "CDAB", "00008000", -2_147_483_648],
  ["int32", "BADC", "34127856", 0x12345678],
  ["int32", "DCBA", "78563412", 0x12345678],
  ["uint32", "ABCD", "12345678", 0x12345678],
  ["uint32", "CDAB", "56781234", 0x12345678],
  ["uint32", "BADC", "ffffffff", 4_294_967_295],
  ["uint32", "DCBA", "000000ff", 0xff00_0000],
  ["int64", "ABCDEFGH", "8000000000000000", -9_223_372_036_854_775_808n],
  ["int64", "GHEFCDAB", "ffffffffffff7fff", 9_223_372_036_854_775_807n],
  ["int64", "BADCFEHG", "2301674523016745", 0x0123456701234567n],
  ["int64", "HGFEDCBA", "feffffffffffffff", -2n],
  ["uint64", "ABCDEFGH", "ffffffffffffffff", 18_446_744_073_709_551_615n],
  ["uint64", "GHEFCDAB", "cdef89ab45670123", 0x0123456789abcdefn],
  ["uint64", "BADCFEHG", "23016745ab89efcd", 0x0123456789abcdefn],
  ["uint64", "HGFEDCBA", "efcdab8967452301", 0x0123456789abcdefn],
  ["uint64", "CDAB", "cdef89ab45670123", 0x0123456789abcdefn],
  ["float32", "ABCD", "42f6e979", 123.456001281738281],
  ["float32", "CDAB", "e97942f6", 123.456001281738281],
  ["float32", "BADC", "f64279e9", 123.456001281738281],
  ["float32", "DCBA", "79e9f642", 123.456001281738281],
  ["float32", "ABCD", "80000000", -0],
  ["float32", "CDAB", "00018000", -1.401298464324817e-45],
  ["float32", "ABCD", "7f7fffff", 3.4028234663852886e38],
  ["float64", "ABCDEFGH", "400921fb54442d18", Math.PI],
  ["float64", "GHEFCDAB", "2d18544421fb4009", Math.PI],
  ["float64", "BADCFEHG", "0940fb214454182d", Math.PI],
  ["float64", "HGFEDCBA", "182d4454fb210940", Math.PI],
  ["float64", "ABCD", "8000000000000000", -0],
  ["bcd16", "AB", "1234", 1_234],
  ["bcd16", "BA", "3412", 1_234],
  ["bcd16", "AB", "0007", 7],
  ["bcd32", "ABCD", "99999999", 99_999_999],
  ["bcd32", "CDAB", "56781234", 12_345_678],
  ["bcd32", "BADC", "34127856", 12_345_678],
  ["bcd32", "DCBA", "78563412", 12_345_678],
  ["bool", "AB", "0001", true],
  ["bool", "AB", "0000", false],
];

test.each(vectors)("%s %s: the bytes %s are %s, read and written", (type, order, wire, value) => {
  const tag = tagOf({ address: "holding:40", type, order });
  expect(compileDecoder(tag, device)(Buffer.from(`ffff${wire}ffff`, "hex"), 2)).toBe(value);
  expect(encodeValue(tag, device, value).toString("hex")).toBe(wire);
});

test.each([
  ["float32", "CDAB", "00007fc0", Number.NaN],
  ["float32", "ABCD", "7f800000", Infinity],
  ["float64", "HGFEDCBA", "000000000000f0ff", -Infinity],
  ["float64", "ABCDEFGH", "7ff8000000000000", Number.NaN],
])("%s %s: the bytes %s are %s when read, which can't be written", (type, order, wire, value) => {
  const tag = tagOf({ address: "input:0", type, order });
  expect(compileDecoder(tag, device)(Buffer.from(wire, "hex"), 0)).toBe(value);
  expect(() => encodeValue(tag, device, value)).toThrow("finite");
});

test.each([
  ["bcd16", "AB", "12a4"],
  ["bcd16", "AB", "f000"],
  ["bcd32", "CDAB", "56781b34"],
  ["bcd32", "ABCD", "ffffffff"],
])("%s %s: the bytes %s hold a nibble that is no digit, and no value", (type, order, wire) => {
  const tag = tagOf({ address: "holding:0", type, order });
  expect(compileDecoder(tag, device)(Buffer.from(wire, "hex"), 0)).toBeUndefined();
});

test.each([
  [8, "AB", "5072657373203720", "Press 7"],
  [7, "AB", "5072657373203700", "Press 7"],
  [7, "BA", "72507365207300 37".replaceAll(" ", ""), "Press 7"],
  [8, "AB", "4100424242424242", "A"],
  [4, "AB", "00000000", ""],
  [4, "AB", "b0432020", "°C"],
])("a string of %i characters, %s: the bytes %s read %j", (length, stringOrder, wire, value) => {
  const tag = tagOf({ address: "holding:0", type: `string(${length})`, stringOrder });
  const wordSwapping = deviceOf([], { options: { order: "DCBA" } }).options;
  expect(compileDecoder(tag, wordSwapping)(Buffer.from(wire, "hex"), 0)).toBe(value);
});

test("a string is padded with NUL, in either order", () => {
  const straight = tagOf({ address: "holding:0", type: "string(5)" });
  const swapped = tagOf({ address: "holding:0", type: "string(5)", stringOrder: "BA" });
  expect(encodeValue(straight, device, "abc").toString("latin1")).toBe("abc\0\0\0");
  expect(encodeValue(swapped, device, "abcde").toString("latin1")).toBe("badc\0e");
});

test("the device's order holds for tags without one, and a tag's own comes before it", () => {
  const swapped = deviceOf([], { options: { order: "word-swap" } }).options;
  const wire = Buffer.from("56781234", "hex");
  const plain = tagOf({ address: "holding:0", type: "uint32" });
  const own = tagOf({ address: "holding:0", type: "uint32", order: "ABCD" });
  expect(compileDecoder(plain, swapped)(wire, 0)).toBe(0x12345678);
  expect(compileDecoder(own, swapped)(wire, 0)).toBe(0x56781234);
});

test("a bit of a register is the bit of its 16-bit value, in the order of the device", () => {
  const tag = tagOf({ address: "holding:40.3" });
  const swapped = deviceOf([], { options: { order: "DCBA" } }).options;
  expect(compileDecoder(tag, device)(Buffer.from("0008", "hex"), 0)).toBe(true);
  expect(compileDecoder(tag, device)(Buffer.from("fff7", "hex"), 0)).toBe(false);
  expect(compileDecoder(tag, swapped)(Buffer.from("0800", "hex"), 0)).toBe(true);
  expect(registerMask(tag, device)).toBe(0x0008);
  expect(registerMask(tag, swapped)).toBe(0x0800);
  expect(encodeValue(tag, swapped, true).toString("hex")).toBe("0800");
  expect(encodeValue(tag, swapped, false).toString("hex")).toBe("0000");
  expect(registerMask(tagOf({ address: "holding:40" }), device)).toBe(0);
});

test("coils are read from the least significant bit on, and written as one byte", () => {
  const tag = tagOf({ address: "coil:3" });
  const decode = compileDecoder(tag, device);
  // The example of Modbus V1.1b3 §6.1: CD 6B 05 for coils 20 to 38.
  const bits = Array.from({ length: 19 }, (_, bit) => Number(decode(Buffer.from("cd6b05", "hex"), bit)));
  expect(bits.join("")).toBe("1011001111010110101");
  expect(encodeValue(tag, device, true)).toEqual(Buffer.of(1));
  expect(encodeValue(tag, device, false)).toEqual(Buffer.of(0));
});

test.each<[type: string, value: TagValue, allowed: string]>([
  ["uint16", 65_536, "from 0 to 65535 (uint16)"],
  ["uint16", -1, "from 0 to 65535"],
  ["int16", 1.5, "an integer from -32768 to 32767"],
  ["int64", 2n ** 63n, "to 9223372036854775807"],
  ["bcd16", 10_000, "from 0 to 9999"],
  ["uint32", "12", "an integer"],
  ["uint32", Number.NaN, "an integer"],
  ["float32", 3.5e38, "within ±3.4028235e38"],
  ["float64", true, "a finite number"],
  ["bool", 1, "true or false"],
  ["string(3)", "four", "at most 3 characters"],
  ["string(3)", "a\0b", "none of them NUL"],
  ["string(3)", "日本", "a text of ISO 8859-1, which has no 日 (U+65E5)"],
  ["string(9)", "5 €", "has no € (U+20AC)"],
  ["string(9)", "\ud83d", "has no \ud83d (U+D83D)"],
  ["string(9)", "ok 👍", "has no 👍 (U+1F44D)"],
  ["string(3)", 7, "a text of at most 3 characters"],
])("%s refuses %s and says what is allowed", (type, value, allowed) => {
  const tag = tagOf({ address: "holding:0", type });
  expect(() => encodeValue(tag, device, value)).toThrow(
    expect.objectContaining({ code: "WRITE_REFUSED", message: expect.stringContaining(allowed) }),
  );
});

test("a text is as long as its characters, whatever their bytes elsewhere", () => {
  const tag = tagOf({ address: "holding:0", type: "string(4)" });
  expect(encodeValue(tag, device, "äöü°").toString("hex")).toBe("e4f6fcb0");
});

test("64-bit types also take numbers that are whole", () => {
  const tag = tagOf({ address: "holding:0", type: "int64" });
  expect(encodeValue(tag, device, -2).toString("hex")).toBe("fffffffffffffffe");
});

const anyValue: Readonly<Record<string, fc.Arbitrary<TagValue>>> = {
  bool: fc.boolean(),
  int16: fc.integer({ min: -0x8000, max: 0x7fff }),
  uint16: fc.nat(0xffff),
  int32: fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
  uint32: fc.nat(0xffff_ffff),
  int64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  uint64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  float32: fc.float({ noNaN: true, noDefaultInfinity: true }),
  float64: fc.double({ noNaN: true, noDefaultInfinity: true }),
  bcd16: fc.nat(9_999),
  bcd32: fc.nat(99_999_999),
};

test.each(Object.keys(anyValue))("whatever is written to %s is read back, in every order", (type) => {
  const value = anyValue[type] ?? fc.constant(false);
  const offset = fc.nat(4).map((register) => 2 * register);
  fc.assert(
    fc.property(value, fc.constantFrom("ABCD", "CDAB", "BADC", "DCBA"), offset, (value, order, offset) => {
      const tag = tagOf({ address: "holding:0", type, order });
      const wire = encodeValue(tag, device, value);
      const response = Buffer.concat([Buffer.alloc(offset, 0xa5), wire, Buffer.of(0x5a, 0x5a)]);
      expect(compileDecoder(tag, device)(response, offset)).toBe(value);
    }),
  );
});

test("whatever text is written is read back but for spaces at its end, in either order", () => {
  const text = fc.string({
    unit: fc.integer({ min: 1, max: 255 }).map((code) => String.fromCharCode(code)),
    maxLength: 9,
  });
  fc.assert(
    fc.property(text, fc.constantFrom("AB", "BA"), (value, stringOrder) => {
      const tag = tagOf({ address: "holding:0", type: "string(9)", stringOrder });
      const wire = encodeValue(tag, device, value);
      expect(wire).toHaveLength(10);
      expect(compileDecoder(tag, device)(wire, 0)).toBe(value.replace(/ +$/, ""));
    }),
  );
});

test("an order for four bytes and its canonical name for eight read the same", () => {
  const wire = Buffer.from("0123456789abcdef", "hex");
  for (const name of ["ABCD", "CDAB", "BADC", "DCBA"]) {
    const four = parseOrder(name);
    if (isMistake(four)) continue;
    const short = tagOf({ address: "holding:0", type: "float64", order: four });
    const long = tagOf({ address: "holding:0", type: "float64", order: orderFor(four, 8) });
    expect(compileDecoder(short, device)(wire, 0)).toBe(compileDecoder(long, device)(wire, 0));
  }
});

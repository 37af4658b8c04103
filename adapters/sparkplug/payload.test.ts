import fc from "fast-check";
import { expect, test } from "vitest";
import { GatewayError } from "../../src/adapter-kit/index.ts";
import { datatypes, elementOf, integerForm, isInteger, typeNames, type TypeName } from "./datatype.ts";
import { encodePayload, holds } from "./encode.ts";
import { decodePayload } from "./payload.ts";
import { decodedByOthers, encodedByOthers } from "./proto-fixture.ts";
import { decodeValue } from "./value.ts";

/** What a metric of this type is worth that others encoded. */
function decoded(type: TypeName, fields: object) {
  const bytes = encodedByOthers({ metrics: [{ name: "m", datatype: datatypes[type], ...fields }] });
  const value = decodePayload(bytes).metrics[0]?.value;
  return value === undefined ? undefined : decodeValue(type, value);
}

const bytes = (...of: number[]) => ({ bytes_value: Buffer.from(of) });

test.each<[TypeName, object, unknown]>([
  ["int8", { int_value: 4_294_967_168 }, -128],
  ["int16", { int_value: 4_294_934_528 }, -32_768],
  ["int8", { int_value: 255 }, -1],
  ["int16", { int_value: 53_191 }, -12_345],
  ["int32", { int_value: 2_147_483_648 }, -2_147_483_648],
  ["int32", { long_value: "18446744073709551615" }, -1],
  ["int64", { long_value: "9223372036854775808" }, -9_223_372_036_854_775_808n],
  ["int64", { long_value: "7" }, 7n],
  ["uint8", { int_value: 255 }, 255],
  ["uint16", { int_value: 65_535 }, 65_535],
  ["uint32", { int_value: 4_294_967_295 }, 4_294_967_295],
  ["uint32", { long_value: "4294967295" }, 4_294_967_295],
  ["uint64", { long_value: "18446744073709551615" }, 18_446_744_073_709_551_615n],
  ["float32", { float_value: 1.5 }, 1.5],
  ["float64", { double_value: Math.PI }, Math.PI],
  ["bool", { boolean_value: false }, false],
  ["string", { string_value: "Größe" }, "Größe"],
  ["text", { string_value: "" }, ""],
  ["uuid", { string_value: "a-b" }, "a-b"],
  ["datetime", { long_value: "1795370000123" }, 1_795_370_000_123],
  ["bytes", bytes(1, 2, 255), "AQL/"],
  ["file", bytes(), ""],
  // The examples of Sparkplug 3.0 §6.4.17.
  ["int8[]", bytes(0xef, 0x7b), [-17, 123]],
  ["int16[]", bytes(0x30, 0x8a, 0x7d, 0x65), [-30_160, 25_981]],
  ["uint32[]", bytes(0x34, 0xd8, 0xff, 0x00), [16_767_028]],
  ["uint64[]", bytes(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), ["18446744073709551615"]],
  [
    "bool[]",
    bytes(0x0c, 0, 0, 0, 0x34, 0xd0),
    [false, false, true, true, false, true, false, false, true, true, false, true],
  ],
  ["string[]", bytes(0x41, 0x42, 0x43, 0x00, 0x68, 0x69, 0x00), ["ABC", "hi"]],
  ["datetime[]", bytes(0xc7, 0xd0, 0x90, 0x75, 0x24, 0x01, 0, 0), [1_256_102_875_335]],
])("%s %o is %o", (type, fields, expected) => {
  expect(decoded(type, fields)).toEqual(expected);
});

test.each<[TypeName, object]>([
  ["int8", { int_value: 300 }],
  ["uint8", { int_value: 4_294_967_295 }],
  ["uint32", { long_value: "4294967296" }],
  ["int32", { string_value: "7" }],
  ["float32", { int_value: 7 }],
  ["bool", { int_value: 1 }],
  ["string", { boolean_value: true }],
  ["datetime", { long_value: "18446744073709551615" }],
  ["int32[]", bytes(1, 2, 3)],
  ["bool[]", bytes(9, 0, 0, 0, 1)],
  ["string[]", bytes(0x41)],
  ["dataset", { string_value: "" }],
])("%s %o is no value", (type, fields) => {
  expect(decoded(type, fields)).toBeUndefined();
});

test("data sets and templates become JSON, their 64-bit integers exact", () => {
  const dataset = {
    dataset_value: {
      num_of_columns: 3,
      columns: ["id", "ok", "n"],
      types: [12, 11, 8],
      rows: [
        {
          elements: [{ string_value: "a" }, { boolean_value: true }, { long_value: "18446744073709551615" }],
        },
        { elements: [{ string_value: "b" }] },
      ],
    },
  };
  expect(decoded("dataset", dataset)).toEqual({
    columns: ["id", "ok", "n"],
    rows: [
      ["a", true, "18446744073709551615"],
      ["b", null, null],
    ],
  });
  const template = {
    template_value: {
      version: "1",
      template_ref: "Motor",
      metrics: [
        { name: "rpm", datatype: 3, int_value: 1_480 },
        { name: "__proto__", datatype: 12, string_value: "x" },
        { name: "gone", datatype: 3, is_null: true },
      ],
      parameters: [{ name: "poles", type: 3, int_value: 4 }],
    },
  };
  expect(JSON.stringify(decoded("template", template))).toBe(
    '{"reference":"Motor","version":"1","parameters":{"poles":4},"metrics":{"rpm":1480,"__proto__":"x","gone":null}}',
  );
});

test("aliases, times, sequence, flags and the quality are as others wrote them", () => {
  const quality = {
    keys: ["unit", "Quality"],
    values: [{ string_value: "bar" }, { type: 3, int_value: 500 }],
  };
  const payload = encodedByOthers({
    timestamp: "1795370000123",
    seq: 255,
    uuid: "u",
    body: Buffer.from([1]),
    metrics: [
      {
        alias: "18446744073709551615",
        timestamp: "5",
        is_historical: true,
        is_transient: true,
        metadata: { file_name: "f" },
        properties: quality,
      },
      { name: "m", alias: 0, is_null: true, datatype: 9 },
    ],
  });
  expect(decodePayload(payload)).toMatchObject({
    timestamp: 1_795_370_000_123,
    seq: 255,
    metrics: [
      { alias: 18_446_744_073_709_551_615n, timestamp: 5, historical: true, quality: 500, isNull: false },
      { name: "m", alias: 0, isNull: true, datatype: 9 },
    ],
  });
});

test("what we send, others read", () => {
  const metrics = [
    { name: "a", timestamp: 1, type: "int16", value: -2 },
    { alias: 7, timestamp: 1, type: "int64", value: -3n, historical: true },
    { alias: 8, timestamp: 1, type: "float32", value: 1.5, quality: 192 },
    { alias: 9, timestamp: 1, type: "bool", value: null },
    { alias: 10, timestamp: 1, type: "int32[]", value: [1, -1] },
  ] as const;
  expect(decodedByOthers(encodePayload({ timestamp: 1_795_370_000_123, seq: 3, metrics }))).toEqual({
    timestamp: "1795370000123",
    seq: "3",
    metrics: [
      { name: "a", timestamp: "1", datatype: 2, int_value: 4_294_967_294 },
      { alias: "7", timestamp: "1", datatype: 4, is_historical: true, long_value: "18446744073709551613" },
      {
        alias: "8",
        timestamp: "1",
        datatype: 9,
        properties: { keys: ["Quality"], values: [{ type: 3, int_value: 192 }] },
        float_value: 1.5,
      },
      { alias: "9", timestamp: "1", datatype: 11, is_null: true },
      { alias: "10", timestamp: "1", datatype: 24, bytes_value: "AQAAAP////8=" },
    ],
  });
});

/** Any value of a type that can be sent. */
function anyValueOf(type: TypeName): fc.Arbitrary<unknown> {
  if (isInteger(type)) {
    const { bits, min, max } = integerForm(type);
    return fc.bigInt({ min, max }).map((value) => (bits === 64 ? value : Number(value)));
  }
  const element = elementOf(type);
  if (element !== undefined) return fc.array(anyElementOf(element));
  if (type === "float32") return fc.float({ noNaN: true, noDefaultInfinity: true });
  if (type === "float64") return fc.double({ noNaN: true, noDefaultInfinity: true });
  if (type === "bool") return fc.boolean();
  if (type === "datetime") return fc.nat();
  if (type === "bytes" || type === "file")
    return fc.uint8Array().map((value) => Buffer.from(value).toString("base64"));
  return fc.string({ unit: "grapheme" });
}

/** As it stands in a JSON array: 64-bit integers as texts, no infinities, no zero bytes. */
function anyElementOf(type: TypeName): fc.Arbitrary<unknown> {
  if (type.startsWith("float")) return fc.float({ noNaN: true, noDefaultInfinity: true });
  return anyValueOf(type).map((value) =>
    typeof value === "bigint"
      ? String(value)
      : typeof value === "string"
        ? value.replaceAll("\0", "")
        : value,
  );
}

const sendable = typeNames.filter((type) => type !== "dataset" && type !== "template");

test.each(sendable)("every %s comes back as it was sent", (type) => {
  fc.assert(
    fc.property(anyValueOf(type), (value) => {
      const sent = value as Parameters<typeof holds>[1];
      expect(holds(type, sent)).toBe(true);
      const payload = encodePayload({
        timestamp: 1,
        metrics: [{ name: "m", timestamp: 1, type, value: sent }],
      });
      const back = decodePayload(payload).metrics[0]?.value;
      expect(back && decodeValue(type, back)).toEqual(sent);
    }),
    { numRuns: 50 },
  );
});

test.each<[TypeName, unknown]>([
  ["int8", 128],
  ["uint16", -1],
  ["int32", 1.5],
  ["uint64", -1n],
  ["bool", 1],
  ["string", 1],
  ["datetime", -1],
  ["bytes", "no base64!"],
  ["int32[]", [1, "x"]],
  ["int32[]", 7],
  ["bool[]", [1]],
  ["string[]", ["a\0b"]],
  ["dataset", {}],
  ["float32", Infinity],
  ["float32", 3.5e38],
  ["float32", NaN],
  ["float64", -Infinity],
])("%s does not hold %o", (type, value) => {
  expect(holds(type, value as Parameters<typeof holds>[1])).toBe(false);
});

/** A payload whose one metric is a template in a template in a …, `depth` deep. */
function nested(depth: number): Buffer {
  let metric: object = { name: "m", datatype: 3, int_value: 1 };
  for (let level = 0; level < depth; level += 1)
    metric = { name: "t", datatype: 19, template_value: { metrics: [metric] } };
  return encodedByOthers({ metrics: [metric] });
}

test("bytes that are no payload are refused in every shape, and nothing else happens", () => {
  const sound = nested(3);
  const outcome = (bytes: Buffer): unknown => {
    try {
      decodePayload(bytes);
      return "read";
    } catch (caught) {
      return caught instanceof GatewayError ? caught.code : caught;
    }
  };
  const judge = (bytes: Buffer) => ["read", "PROTOCOL_VIOLATION"].includes(String(outcome(bytes)));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (any) => judge(Buffer.from(any))));
  fc.assert(
    fc.property(fc.nat(sound.length - 1), fc.nat(255), (at, byte) => {
      const spoilt = Buffer.from(sound);
      spoilt[at] = byte;
      return judge(spoilt);
    }),
  );
  expect(() => decodePayload(sound.subarray(0, -1))).toThrow("ends within a field");
  expect(() => decodePayload(Buffer.alloc(11, 0xff))).toThrow(GatewayError);
});

test("a payload without measure is refused, however short its bytes are", () => {
  expect(() => decodePayload(nested(8))).not.toThrow();
  expect(() => decodePayload(nested(9))).toThrow("more than 8 deep");
  const many = Buffer.from(Array.from({ length: 100_001 }, () => [0x12, 0x00]).flat());
  expect(() => decodePayload(many)).toThrow("more than 100000");
});

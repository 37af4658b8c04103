import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { ZodType } from "zod";
import { badStatuses, jsonValueTypes } from "../../src/adapter-kit/index.ts";
import { documentedKeys, schemaKeys } from "../../src/adapter-kit/testing.ts";
import { deviceOf } from "./mapping-fixture.ts";
import type { MqttTagOptions } from "./mapping.ts";
import { mqttSchema } from "./schema.ts";

const readme = readFileSync(new URL("README.md", import.meta.url), "utf8");

test.each<[heading: string, schema: ZodType]>([
  ["Connection", mqttSchema.connection],
  ["Tags", mqttSchema.tag],
  ["Write entries", mqttSchema.write],
])("%s: the README lists the keys of the schema with their defaults, and no others", (heading, schema) => {
  expect(readme.split("\n")).toContain(`### ${heading}`);
  expect(documentedKeys(readme, heading)).toEqual(schemaKeys(schema));
});

test("the README names every type and every status", () => {
  for (const name of [...jsonValueTypes, ...badStatuses, "Retained"]) {
    expect(readme).toContain(`\`${name}\``);
  }
});

type Tags = Parameters<typeof deviceOf>[0];

function mistakes(tags: Tags, connection = {}): string[] {
  const issues = mqttSchema.check?.(deviceOf(tags, connection)) ?? [];
  return issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
}

test.each<[string, Tags]>([
  ["tags.a.address: +/state would take in the gateway's own topics too", { a: { address: "+/state" } }],
  ["tags.a.address: data/x is the gateway's own: devices can't publish there", { a: { address: "data/x" } }],
  ["tags.a.address: $SYS/x is the gateway's own: devices can't publish there", { a: { address: "$SYS/x" } }],
  ["tags.{2}: {2} stands for a wildcard, and a/b has no wildcard", { "{2}": { address: "a/b" } }],
  [
    "tags.{1}: topics that differ in wildcard 2 of a/+/# would share this tag",
    { "{1}": { address: "a/+/#" } },
  ],
  [
    "tags.a.pointer: a payload of number has no fields",
    { a: { address: "a", payload: "number", pointer: "/a" } },
  ],
  [
    "tags.a.durable.id: a payload of text has no fields, and so no identity",
    { a: { address: "a", payload: "text", durable: { id: "/id" } } },
  ],
  [
    "tags.b.durable: x is durable in a already: each message would be stored twice",
    { a: { address: "x", durable: true }, b: { address: "x", durable: { id: "/id" } } },
  ],
  ["tags.a.type: a payload of text gives no float", { a: { address: "a", payload: "text", type: "float" } }],
  [
    "tags.{1}.write: a tag that a wildcard makes can't be written to",
    { "{1}": { address: "a/+", write: { topic: "b" } } },
  ],
  ["tags.a.address: ./x hangs on a base, and the device has none", { a: { address: "./x" } }],
  [
    "tags.a.write.header: a header stands before the fields of a whole payload",
    { a: { address: "a", write: { topic: "b", header: true } } },
  ],
  [
    "tags.a.write.header: a header names the vehicle, and the device does not say which that is",
    { a: { address: "a", type: "json", write: { topic: "b", header: true } } },
  ],
  [
    "tags.a.write.topic: cmd/x is the gateway's own: devices can't publish there",
    { a: { address: "a", write: { topic: "cmd/x" } } },
  ],
])("%s", (mistake, tags) => {
  expect(mistakes(tags)).toContain(mistake);
});

test("a will on a topic of the gateway's is a mistake, a sound mapping has none", () => {
  const will = { topic: "state/x", offline: ["OFFLINE"] };
  expect(mistakes({}, { will })).toHaveLength(1);
  expect(mistakes({ "shelf/{1}/stock": { address: "store/shelf/+/stock", payload: "number" } })).toEqual([]);
});

test("a base and a vehicle's identity do not stand together, and a base is no topic of the gateway's", () => {
  const vda5050 = { manufacturer: "acme", serialNumber: "1" };
  expect(mistakes({ a: { address: "./x" } }, { base: "acme/1" })).toEqual([]);
  expect(mistakes({ a: { address: "./x" } }, { vda5050 })).toEqual([]);
  expect(mistakes({}, { base: "acme/1", vda5050 })).toHaveLength(1);
  expect(mistakes({}, { base: "data/1" })).toHaveLength(1);
});

test.each([
  [{ address: "a/#/b" }, "expected a topic"],
  [{ address: "a", pointer: "b" }, "JSON Pointer"],
  [{ address: "a", timestamp: { pointer: "/t", unit: "ns" } }, "unit"],
  [{ address: "a", durable: { id: "transactionId" } }, "JSON Pointer"],
  [{ address: "a", durable: { id: "" } }, "JSON Pointer"],
  [{ address: "a", durable: "yes" }, "durable"],
])("%j is refused by its form", (entry, message) => {
  const result = mqttSchema.tag.safeParse(entry);
  expect(result.success).toBe(false);
  expect(JSON.stringify(result.error?.issues)).toContain(message);
});

test("a durable tag's topic is written out, and its identity stays beside it", () => {
  const durable = (entry: object, connection = {}) =>
    mqttSchema.durable?.(mqttSchema.tag.parse(entry) as unknown as MqttTagOptions, connection);
  expect(durable({ address: "./sale", durable: { id: "/id" } }, { base: "store/1" })).toEqual({
    filter: "store/1/sale",
    id: "/id",
  });
  expect(durable({ address: "sale", durable: true })).toEqual({ filter: "sale" });
  expect(durable({ address: "sale", durable: false })).toBeUndefined();
});

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { ZodType } from "zod";
import { documentedKeys, schemaKeys } from "../../src/adapter-kit/testing.ts";
import { deviceOf, type TagEntry } from "./mapping-fixture.ts";
import { opcuaSchema } from "./schema.ts";
import { typeNames } from "./value-type.ts";

const readme = readFileSync(new URL("README.md", import.meta.url), "utf8");

test.each<[heading: string, schema: ZodType]>([
  ["Connection", opcuaSchema.connection],
  ["Device", opcuaSchema.options],
  ["Tags", opcuaSchema.tag],
])("%s: the README lists the keys of the schema with their defaults, and no others", (heading, schema) => {
  expect(documentedKeys(readme, heading)).toEqual(schemaKeys(schema));
});

test("the README names every type", () => {
  for (const name of typeNames) expect(readme).toContain(`\`${name}\``);
});

const node = "nsu=http://example.com/line;s=Press.Pressure";

function mistakes(
  tags: Readonly<Record<string, TagEntry>>,
  keys: Parameters<typeof deviceOf>[1] = {},
): string[] {
  const issues = opcuaSchema.check?.(deviceOf(tags, keys)) ?? [];
  return issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
}

test.each<[string, TagEntry]>([
  ["tags.a: the tag names no node", {}],
  ["tags.a: node and path stand together", { node, path: "/Objects/2:Press" }],
  ["tags.a: a method and its object go together", { method: node, write: {} }],
  ["tags.a: a method that nobody may call", { method: node, object: node }],
  [
    "tags.a.type: a method's results have no one type",
    { method: node, object: node, write: {}, type: "int32" },
  ],
  ["tags.a.write: a tag that may be written to needs its type", { node, write: {} }],
  [
    "tags.a.serverDeadbandPercent: serverDeadband and serverDeadbandPercent stand together",
    { node, serverDeadband: 1, serverDeadbandPercent: 1 },
  ],
  [
    "tags.a.queueSize: queueSize has no meaning for a tag that is polled",
    { node, mode: "poll", queueSize: 5 },
  ],
])("%s", (mistake, entry) => {
  expect(mistakes({ a: entry })).toEqual([mistake]);
});

test.each([
  ["mode", { security: { policy: "none", mode: "sign" } }],
  [
    "userCertificate",
    { user: "x", password: "env:X", userCertificate: { certificate: "env:C", key: "env:K" } },
  ],
  ["user", { user: "x" }],
  ["password", { password: "env:X" }],
])("a connection with a misplaced %s is a mistake", (_key, connection) => {
  expect(mistakes({ a: { node } }, { connection })).toHaveLength(1);
});

test.each(["opc.tcp://", "http://host:4840", "opc.tcp://host:port", "host:4840"])(
  "%s is no endpoint",
  (endpoint) => {
    expect(opcuaSchema.connection.safeParse({ endpoint }).success).toBe(false);
  },
);

test("only tags that are polled have a poll group", () => {
  const polls = (entry: TagEntry) => {
    const [tag] = deviceOf({ a: entry }).tags;
    return tag === undefined
      ? undefined
      : opcuaSchema.polls?.(tag.options, deviceOf({}).connection, deviceOf({}).options);
  };
  expect(polls({ node, mode: "poll" })).toBe(true);
  expect(polls({ node })).toBe(false);
  expect(polls({ object: node, method: node, mode: "poll" })).toBe(false);
});

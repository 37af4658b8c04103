import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { ZodType } from "zod";
import { documentedKeys, schemaKeys } from "../../src/adapter-kit/testing.ts";
import { typeNames } from "./datatype.ts";
import { deviceOf } from "./mapping-fixture.ts";
import { sparkplugSchema } from "./schema.ts";

const readme = readFileSync(new URL("README.md", import.meta.url), "utf8");

test.each<[heading: string, schema: ZodType]>([
  ["Connection", sparkplugSchema.connection],
  ["Tags", sparkplugSchema.tag],
])("%s: the README lists the keys of the schema with their defaults, and no others", (heading, schema) => {
  expect(readme.split("\n")).toContain(`### ${heading}`);
  expect(documentedKeys(readme, heading)).toEqual(schemaKeys(schema));
});

test("the README names every type, every status and every fault", () => {
  const source = (file: string) => readFileSync(new URL(file, import.meta.url), "utf8");
  const statuses = source("sample.ts").matchAll(/\| "([A-Z]\w+)"/g);
  const faults = source("edge-node.ts").matchAll(/fault\("([a-z-]+)"/g);
  const names = [...statuses, ...faults].map(([, name]) => name ?? "");
  expect(names.length).toBeGreaterThan(15);
  for (const name of [...typeNames, ...names]) expect(readme).toContain(`\`${name}\``);
});

const metric = "Leak/Limit";

test.each<[Parameters<typeof deviceOf>[0], string[]]>([
  [{ limit: { metric, type: "float32", write: {} }, rate: { metric: "Leak/Rate" } }, []],
  [{ limit: { metric, write: {} } }, ["tags.limit.write: a tag without a type can't be written to"]],
  [
    { limit: { metric, type: "dataset", write: {} } },
    ["tags.limit.write: a tag of type dataset can't be written to"],
  ],
])("%j has the mistakes %j", (tags, mistakes) => {
  const issues = sparkplugSchema.check?.(deviceOf(tags)) ?? [];
  expect(issues.map(({ path, message }) => `${path.join(".")}: ${message}`)).toEqual(mistakes);
});

test.each([
  [{ group: "a/b", node: "n" }, "expected an id"],
  [{ group: "STATE", node: "n" }, "host applications"],
  [{ group: "g", node: "#" }, "expected an id"],
  [{ group: "g", node: "n", device: "+" }, "expected an id"],
  [{ group: "g", node: "n", rebirth: "5" }, "expected a duration"],
  [{ group: "g" }, "node"],
])("the connection %j is refused", (connection, message) => {
  const result = sparkplugSchema.connection.safeParse(connection);
  expect(JSON.stringify(result.error?.issues)).toContain(message);
});

test("two devices of one site can't be the same device of one node", () => {
  const endpoint = (connection = {}) => sparkplugSchema.endpoint?.(deviceOf({}, connection).connection, {});
  expect(endpoint()).toBe("Sparkplug plant/edge-1/press");
  expect(endpoint({ device: undefined })).toBe("Sparkplug plant/edge-1");
});

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import type { ZodType } from "zod";
import { ms } from "../../src/adapter-kit/index.ts";
import { documentedKeys, schemaKeys } from "../../src/adapter-kit/testing.ts";
import { plainKinds } from "./data-type.ts";
import { orderAliases, orders } from "./order.ts";
import { deviceOf, tagOf } from "./mapping-fixture.ts";
import { planModbus } from "./plan.ts";
import { connections, modbusSchema } from "./schema.ts";

const readme = readFileSync(new URL("README.md", import.meta.url), "utf8");

test.each<[heading: string, schema: ZodType]>([
  ["Connection: `tcp`", connections.tcp],
  ["Connection: `rtu-over-tcp`", connections["rtu-over-tcp"]],
  ["Connection: `rtu`", connections.rtu],
  ["Connection: `ascii`", connections.ascii],
  ["Device", modbusSchema.options],
  ["Tags", modbusSchema.tag],
  ["Write entries", modbusSchema.write],
])("%s: the README lists the keys of the schema with their defaults, and no others", (heading, schema) => {
  expect(readme.split("\n")).toContain(`### ${heading}`);
  expect(documentedKeys(readme, heading)).toEqual(schemaKeys(schema));
});

test("the README names every type, every order and every alias of an order", () => {
  for (const name of [...plainKinds, "string(n)", ...orders, ...Object.keys(orderAliases)]) {
    expect(readme).toContain(`\`${name}\``);
  }
});

interface Example {
  readonly connection: { readonly host: string };
  readonly order: string;
  readonly requests: object;
  readonly tags: Readonly<
    Record<string, { readonly address: string; readonly type?: string; readonly poll?: string }>
  >;
}

test("the example is sent as the README says", () => {
  const example = parse(/```yaml\n(.*?)```/s.exec(readme)?.[1] ?? "") as Example;
  const { order, requests } = example;
  const tags = Object.entries(example.tags).map(([name, { address, type, poll }]) =>
    tagOf(
      { address, ...(type !== undefined && { type }) },
      { name, poll: { name: poll ?? "normal", interval: ms(1_000) } },
    ),
  );
  const device = deviceOf(tags, { connection: example.connection, options: { order, requests } });
  const groups = planModbus([device])[0]?.devices[0]?.groups ?? [];
  const shown = /```\n(fast.*?)```/s.exec(readme)?.[1]?.trimEnd().split("\n") ?? [];
  expect(modbusSchema.check?.(device)).toEqual([]);
  expect(shown.map((line) => line.slice(line.indexOf("FC ")))).toEqual(
    groups.flatMap((group) => group.requests.map((request) => request.text)),
  );
});

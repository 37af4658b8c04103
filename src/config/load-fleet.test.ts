import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { documentedKeys, schemaKeys } from "../adapter-kit/testing.ts";
import { fleetSchema } from "./fleet-schema.ts";
import { gatewaySchema } from "./gateway-schema.ts";
import { loadFleet } from "./load-fleet.ts";
import { siteFolder } from "./test-site.ts";

const markdown = await readFile(new URL("../../docs/hub.md", import.meta.url), "utf8");

async function load(text: string) {
  return loadFleet(join(await siteFolder({ "fleet.yaml": text }), "fleet.yaml"));
}

async function issues(text: string): Promise<string[]> {
  const loaded = await load(text);
  if (loaded.ok) return [];
  return loaded.issues.map(({ file, line, column, message }) => `${file}:${line}:${column} ${message}`);
}

test("the fleet of docs/hub.md can be read", async () => {
  const [, example = ""] = /```yaml\n# fleet\.yaml\n(.*?)```/s.exec(markdown) ?? [];
  expect(await load(example)).toMatchObject({
    ok: true,
    fleet: { gateways: ["line1-gw", "line2-gw"], replicas: 1, batches: { duplicates: 3_600_000 } },
  });
});

test("every mistake is told with its place", async () => {
  const text = `gateways: [a, b.c, a]
replica: 3
batches: { maxBytes: 5, maxAge: 10m }
`;
  expect(await issues(text)).toEqual([
    'fleet.yaml:1:15 "b.c" is not allowed here',
    "fleet.yaml:1:20 the gateway a stands twice; it is first given on line 1",
    'fleet.yaml:2:1 unknown key "replica"',
    "fleet.yaml:3:22 5 is not allowed here",
    "fleet.yaml:3:33 batches.maxAge is shorter than batches.duplicates",
  ]);
});

test("a file that is not there, or not YAML, is told", async () => {
  const dir = await siteFolder({});
  expect(await loadFleet(join(dir, "fleet.yaml"))).toMatchObject({
    ok: false,
    issues: [{ message: "there is no such file" }],
  });
  expect(await issues("gateways: [a")).toHaveLength(1);
});

test("docs/hub.md lists each key with its default, and no other", () => {
  expect(documentedKeys(markdown, "Keys of the fleet file")).toEqual(schemaKeys(fleetSchema));
  const hub = schemaKeys(gatewaySchema)
    .filter(({ key }) => key.startsWith("hub."))
    .map((one) => ({ ...one, key: one.key.slice("hub.".length) }));
  expect(documentedKeys(markdown, "Keys of hub")).toEqual(hub);
});

test("a forwarder that is a leaf as well, or stands in another's place, is told", async () => {
  const text = `gateways: [a]
forwarders:
  - { gateway: a, site: plant1/line1 }
  - { gateway: b, site: plant1 }
`;
  expect(await issues(text)).toEqual([
    "fleet.yaml:3:16 the gateway a stands twice",
    "fleet.yaml:4:25 plant1 and plant1/line1 hold one another",
  ]);
});

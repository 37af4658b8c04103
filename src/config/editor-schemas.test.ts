import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test, vi } from "vitest";
import { schemaFiles } from "./editor-schemas.ts";
import { main } from "./json-schema.ts";
import { testRegistry } from "./test-site.ts";

type Json = { readonly [key: string]: Json };

async function schemas(): Promise<ReadonlyMap<string, Json>> {
  const adapters = await Promise.all(Object.values(testRegistry).map((adapter) => adapter.schema()));
  return new Map(Object.entries(JSON.parse(JSON.stringify(Object.fromEntries(schemaFiles(adapters))))));
}

async function temporaryFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "linegate-schemas-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

test("the schemas in mappings/schemas are those of the code", async () => {
  expect(await main(["--check", fileURLToPath(new URL("../../mappings/schemas", import.meta.url))])).toBe(0);
});

test("a schema that is missing or was edited by hand is told, and written anew", async () => {
  const dir = await temporaryFolder();
  const say = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  onTestFinished(() => say.mockRestore());
  expect(await main(["--check", dir], testRegistry)).toBe(1);
  expect(await main([dir], testRegistry)).toBe(0);
  expect(await main(["--check", dir], testRegistry)).toBe(0);
  const file = join(dir, "gateway.schema.json");
  await writeFile(file, `${await readFile(file, "utf8")} `);
  expect(await main(["--check", dir], testRegistry)).toBe(1);
  expect(String(say.mock.lastCall?.[0])).toContain("gateway.schema.json");
});

test("a device file is offered the keys of the adapter it names", async () => {
  const files = await schemas();
  const device = files.get("device.schema.json");
  expect(device).toHaveProperty("properties.adapter.enum", ["polled", "sending"]);
  for (const [index, name] of ["polled", "sending"].entries()) {
    expect(device).toHaveProperty(`allOf.${index}.if.properties.adapter.const`, name);
    expect(device).toHaveProperty(`allOf.${index}.then.$ref`, `device-${name}.schema.json`);
  }
  expect(files.get("device-polled.schema.json")).toHaveProperty("else.properties.poll");
  expect(files.get("device-sending.schema.json")).not.toHaveProperty("else.properties.poll");
});

test("where a profile fills the device up, nothing is required of it", async () => {
  const device = (await schemas()).get("device-polled.schema.json");
  expect(device).toMatchObject({ if: { required: ["profile"] } });
  expect(device).toHaveProperty("else.required", ["device", "adapter", "connection", "tags"]);
  expect(JSON.stringify(device?.["then"])).not.toContain('"required"');
});

test("what has a default need not be written, and durations keep their form", async () => {
  const tags = (await schemas()).get("device-polled.schema.json")?.["else"]?.["properties"]?.["tags"];
  expect(tags).toHaveProperty("anyOf.0.additionalProperties.required", ["address"]);
  expect(tags).toHaveProperty("anyOf.0.additionalProperties.properties.republish.pattern");
});

test("alerts stand in alerts.yaml or in the CSV file it names, and a condition may hold others", async () => {
  const alerts = (await schemas()).get("alerts.schema.json");
  expect(alerts).toHaveProperty("properties.alerts.anyOf.1.pattern", "\\.csv$");
  expect(JSON.stringify(alerts?.["properties"]?.["alerts"])).toContain('"$ref":"#/definitions/__schema0"');
  expect(alerts).toHaveProperty("definitions.__schema0.properties.rate.required", ["above", "over"]);
});

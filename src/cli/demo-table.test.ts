import { expect, test } from "vitest";
import type { TagMapping } from "../adapter-kit/mapping.ts";
import { gatewaySchema } from "../config/gateway-schema.ts";
import type { Site } from "../config/site.ts";
import type { Reading } from "../domain/reading.ts";
import { TagPath } from "../domain/tag-path.ts";
import { DemoTable } from "./demo-table.ts";

function tag(name: string, scale = 1): TagMapping {
  const value = { kind: "integer", min: 0n, max: 65_535n } as const;
  return { name, options: {}, value, scale, offset: 0, unit: "bar" };
}

function tableOf(...tags: readonly TagMapping[]): DemoTable {
  const device = { device: "press-1", adapter: "modbus", connection: {}, options: {}, tags };
  const gateway = gatewaySchema.parse({ gateway: "gw", site: "a/b" });
  const site: Site = { dir: "/nowhere", gateway, devices: [device], files: [] };
  return new DemoTable(site, new Map([["press-1", "here"]]));
}

function reading(name: string, fields: Partial<Reading> = {}): Reading {
  const path = new TagPath("data", "a/b", name);
  return { path, value: 1, quality: "good", timestamp: 5, sequence: 1, readAt: 0, ...fields };
}

test("every tag of the mapping has a row from the start, filled by its readings", () => {
  const table = tableOf(tag("ram/pressure", 0.1), tag("ram/position"));
  expect(table.filled).toBe(false);
  table.read(reading("press-1/ram/pressure", { value: 182.4 }));
  table.read(reading("press-1/ram/position", { value: null, quality: "bad", status: "Timeout" }));
  expect(table.filled).toBe(true);
  expect(table).toMatchObject({ readings: 2, badReadings: 1 });
  expect(table.devices[0]?.rows).toMatchObject([
    { tag: "ram/pressure", value: 182.4, decimals: 1, largest: 182.4 },
    { tag: "ram/position", value: null, quality: "bad", status: "Timeout" },
  ]);
});

test("a tag that a wildcard made gets its row with its first reading", () => {
  const table = tableOf(tag("shelf/{1}/stock"));
  table.read(reading("press-1/shelf/2/stock", { unit: "pcs" }));
  table.read(reading("press-1/shelf/2/stock"));
  table.read(reading("nobody/knows"));
  expect(table.devices[0]?.rows).toMatchObject([{ tag: "shelf/2/stock", unit: "pcs" }]);
});

test("devices are counted as online by their states", () => {
  const table = tableOf();
  expect(table.online).toBe(0);
  table.changed("press-1", { state: "online" });
  table.changed("unknown", { state: "online" });
  expect(table.online).toBe(1);
});

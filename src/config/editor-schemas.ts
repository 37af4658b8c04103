import * as z from "zod";
import type { AdapterSchema } from "../adapter-kit/schema.ts";
import { alertsSchema } from "./alerts-schema.ts";
import { anyDeviceSchema, deviceSchema } from "./device-schema.ts";
import { fleetSchema } from "./fleet-schema.ts";
import { gatewaySchema } from "./gateway-schema.ts";
import { ledgersSchema } from "./ledger-schema.ts";
import { lineSchema } from "./line-schema.ts";
import { tagSchema } from "./tag-schema.ts";

/** A JSON Schema as far as it is built here. */
type Json = { [key: string]: unknown };

const dialect = "http://json-schema.org/draft-07/schema#";

/** What a mapping file may hold as it is written: before defaults and units are worked out. */
function inputSchema(schema: z.ZodType): Json {
  const made = z.toJSONSchema(schema, { io: "input", target: "draft-7", unrepresentable: "any" }) as Json;
  delete made["$schema"];
  return made;
}

/** The same with nothing required, at any depth: the rest may come from a profile. */
function withoutRequired(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutRequired);
  if (typeof schema !== "object" || schema === null) return schema;
  const kept = Object.entries(schema).filter(([key, value]) => !(key === "required" && Array.isArray(value)));
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutRequired(value)]));
}

/** A device file of one protocol, its tags included. */
function deviceFile(adapter: AdapterSchema): Json {
  const device = inputSchema(deviceSchema(adapter));
  const properties = device["properties"] as Json;
  const tags: Json = {
    description: "The tags by name, or the name of a CSV file with a row a tag",
    anyOf: [
      { type: "object", additionalProperties: inputSchema(tagSchema(adapter)) },
      { type: "string", pattern: "\\.csv$", examples: ["press-1.csv"] },
    ],
  };
  return { ...device, properties: { ...properties, adapter: { const: adapter.name }, tags } };
}

/** alerts.yaml, whose alerts may stand in a file of their own. */
function alertsFile(): Json {
  const file = inputSchema(alertsSchema);
  const properties = file["properties"] as Json;
  const { description, ...alerts } = properties["alerts"] as Json;
  const csv = { type: "string", pattern: "\\.csv$", examples: ["alerts.csv"] };
  return { ...file, properties: { ...properties, alerts: { description, anyOf: [alerts, csv] } } };
}

function titled(title: string, schema: Json): Json {
  return { $schema: dialect, title, ...schema };
}

/** A device file of one protocol, whole or with a profile to fill it up. */
function deviceOf(adapter: AdapterSchema): Json {
  const whole = deviceFile(adapter);
  return titled(`A Linegate device file for ${adapter.name}`, {
    if: { required: ["profile"] },
    // oxlint-disable-next-line unicorn/no-thenable -- the keyword of JSON Schema
    then: withoutRequired(whole),
    else: whole,
  });
}

function profileOf(adapter: AdapterSchema): Json {
  const partial = withoutRequired(deviceFile(adapter)) as Json;
  const { device: _device, profile: _profile, ...properties } = partial["properties"] as Json;
  return { ...partial, properties };
}

/** A file for whichever adapter it names: that adapter's schema. */
function byAdapter(adapters: readonly AdapterSchema[], schemaOf: (adapter: AdapterSchema) => Json): Json {
  const common = inputSchema(anyDeviceSchema)["properties"] as Json;
  return {
    type: "object",
    properties: {
      ...common,
      adapter: { enum: adapters.map((one) => one.name), description: "The protocol" },
    },
    allOf: adapters.map((adapter) => ({
      if: { properties: { adapter: { const: adapter.name } }, required: ["adapter"] },
      // oxlint-disable-next-line unicorn/no-thenable -- the keyword of JSON Schema
      then: schemaOf(adapter),
    })),
  };
}

/** Every schema file by its name: for gateway.yaml and its neighbours, for a fleet, for device files in general and by adapter, for profiles. */
export function schemaFiles(adapters: readonly AdapterSchema[]): ReadonlyMap<string, Json> {
  const device = byAdapter(adapters, ({ name }) => ({ $ref: `device-${name}.schema.json` }));
  const { device: _device, profile: _profile, ...profileKeys } = device["properties"] as Json;
  const profile = { ...byAdapter(adapters, profileOf), properties: profileKeys };
  return new Map([
    ["gateway.schema.json", titled("A Linegate gateway.yaml", inputSchema(gatewaySchema))],
    ["alerts.schema.json", titled("A Linegate alerts.yaml", alertsFile())],
    ["fleet.schema.json", titled("A Linegate fleet file, for linegate hub apply", inputSchema(fleetSchema))],
    ["ledger.schema.json", titled("A Linegate ledger.yaml", inputSchema(ledgersSchema))],
    ["line.schema.json", titled("A Linegate line.yaml", inputSchema(lineSchema))],
    ["device.schema.json", titled("A Linegate device file", device)],
    ["profile.schema.json", titled("A Linegate device profile", profile)],
    ...adapters.map((adapter) => [`device-${adapter.name}.schema.json`, deviceOf(adapter)] as const),
  ]);
}

import * as z from "zod";
import { durationField, type AdapterSchema } from "../../src/adapter-kit/schema.ts";
import { checkDevice } from "./check.ts";
import { typeNames, valueSpecOf } from "./datatype.ts";
import type { SparkplugConnection, SparkplugOptions, SparkplugTagOptions } from "./mapping.ts";

/** Sparkplug 3.0 §4.1: ids are levels of topics. */
const id = z
  .string()
  .min(1)
  .max(256)
  // oxlint-disable-next-line no-control-regex -- MQTT forbids U+0000 in topics
  .refine((text) => !/[/+#\u0000]/.test(text), "expected an id without /, + and #");

const connection = z.strictObject({
  group: id
    .refine((text) => text !== "STATE", "expected a group id: STATE is the host applications' own")
    .describe("Group id, the level below spBv1.0"),
  node: id.describe("Edge node id"),
  device: id.optional().describe("Device id behind the edge node; absent: the metrics of the node itself"),
  hostId: id
    .optional()
    .describe(
      "The id under which the gateway is the primary host application, spBv1.0/STATE/<hostId>; absent: the gateway's name",
    ),
  reorder: durationField
    .prefault("500ms")
    .describe("So long a message that came too early waits for those before it"),
  rebirth: durationField.prefault("5s").describe("The least time between two requests for a rebirth"),
}) satisfies z.ZodType<SparkplugConnection>;

const tag = z.object({
  metric: z
    .string()
    .min(1)
    .meta({ examples: ["Line/Press/Pressure"] })
    .describe("The metric's name in the birth certificate"),
  type: z
    .enum(typeNames)
    .optional()
    .describe("The metric's datatype; absent: as the birth certificate says. Needed to write"),
}) satisfies z.ZodType<SparkplugTagOptions>;

export const sparkplugSchema: AdapterSchema<SparkplugConnection, SparkplugOptions, SparkplugTagOptions> = {
  name: "sparkplug",
  connection,
  options: z.object({}),
  tag,
  write: z.object({}),
  polled: false,
  templates: false,
  value: ({ type }) => valueSpecOf(type),
  endpoint: ({ group, node, device }) =>
    `Sparkplug ${[group, node, ...(device === undefined ? [] : [device])].join("/")}`,
  check: checkDevice,
};

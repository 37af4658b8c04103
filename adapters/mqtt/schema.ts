import * as z from "zod";
import { isTopicFilter, isTopicName } from "../../src/adapter-kit/index.ts";
import { durationField, type AdapterSchema } from "../../src/adapter-kit/schema.ts";
import { checkDevice } from "./check.ts";
import { isPointer } from "./json-pointer.ts";
import { typeOf, valueTypes, type MqttConnection, type MqttOptions, type MqttTagOptions } from "./mapping.ts";

const pointer = z.string().refine(isPointer, "expected a JSON Pointer, such as /batteryState/batteryCharge");
const topicName = z
  .string()
  .refine(isTopicName, "expected a topic without + and #, such as agv/1/connection");
const topicFilter = z
  .string()
  .refine(isTopicFilter, "expected a topic, where + stands for one level and # at the end for the rest")
  .meta({ examples: ["agv/1/state", "store/shelf/+/stock"] });

const connection = z.strictObject({
  clientId: z
    .string()
    .min(1)
    .max(256)
    .optional()
    .describe(
      "The client id of a device that connects itself and stays connected: lost when that client is gone",
    ),
  silence: durationField.optional().describe("Without any message for this long the device counts as lost"),
  will: z
    .strictObject({
      topic: topicName.describe("The topic where the device, or its last will, says whether it is there"),
      pointer: pointer
        .optional()
        .describe("Where in a JSON payload it says so; absent: the payload is the word"),
      offline: z
        .array(z.union([z.string(), z.number(), z.boolean()]))
        .min(1)
        .describe("The words that mean that the device is gone"),
    })
    .optional()
    .describe("The device's last will"),
}) satisfies z.ZodType<MqttConnection>;

const tag = z.object({
  address: topicFilter.describe("The topic; + and # as in MQTT, filled into the tag's name as {1}, {2}, …"),
  payload: z
    .enum(["json", "number", "text"])
    .default("json")
    .describe("What the payload is: JSON, a number in digits, or text"),
  pointer: pointer
    .optional()
    .describe("Which part of a JSON payload, as JSON Pointer (RFC 6901); absent: all of it"),
  type: z
    .enum(valueTypes)
    .optional()
    .describe("What the value is; string for text, else float. json is a part of the payload, as text"),
  timestamp: z
    .strictObject({
      pointer: pointer.describe("Where in the JSON payload the source's own time stands"),
      unit: z
        .enum(["iso8601", "s", "ms", "us"])
        .default("iso8601")
        .describe("How it is written: ISO 8601, or s, ms or us since the Unix epoch"),
    })
    .optional()
    .describe("The source's own time; absent: the time at which the message came"),
}) satisfies z.ZodType<MqttTagOptions>;

const write = z.object({
  topic: topicName.describe("The topic on which the device takes the value"),
  pointer: pointer
    .optional()
    .describe("Where in a JSON payload the value goes; absent: the value alone is the payload"),
});

const mostSafe = BigInt(Number.MAX_SAFE_INTEGER);

export const mqttSchema: AdapterSchema<MqttConnection, MqttOptions, MqttTagOptions> = {
  name: "mqtt",
  connection,
  options: z.object({}),
  tag,
  write,
  polled: false,
  templates: true,
  silence: (entry) => entry.silence,
  value: (entry) => {
    switch (typeOf(entry)) {
      case "bool":
        return { kind: "boolean" };
      case "int":
        return { kind: "integer", min: -mostSafe, max: mostSafe };
      case "float":
        return { kind: "float" };
      case "string":
      case "json":
        return { kind: "string" };
    }
  },
  endpoint: ({ clientId }) => (clientId === undefined ? undefined : `client ${clientId}`),
  url: {
    schemes: ["mqtt", "mqtts"],
    examples: ["mqtt://127.0.0.1:1883 (the broker that the device connects to)"],
    // The URL names the broker; of the devices behind it nothing is known yet.
    connection: () => ({}),
  },
  check: checkDevice,
};

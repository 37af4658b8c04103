import * as z from "zod";
import {
  isPointer,
  isTopicFilter,
  isTopicName,
  jsonValueSpec,
  jsonValueTypes,
  timestampUnits,
} from "../../src/adapter-kit/index.ts";
import { durationField, type AdapterSchema } from "../../src/adapter-kit/schema.ts";
import { checkDevice } from "./check.ts";
import { baseOf, fullTopic } from "./own-topics.ts";
import { typeOf, type MqttConnection, type MqttOptions, type MqttTagOptions } from "./mapping.ts";

const pointer = z.string().refine(isPointer, "expected a JSON Pointer, such as /batteryState/batteryCharge");
const topicName = z
  .string()
  .refine(isTopicName, "expected a topic without + and #, such as agv/1/connection");
const topicFilter = z
  .string()
  .refine(isTopicFilter, "expected a topic, where + stands for one level and # at the end for the rest")
  .meta({ examples: ["agv/1/state", "store/shelf/+/stock"] });

const level = z.string().regex(/^[A-Za-z0-9_.:-]+$/, "expected letters, digits, _ . : and -");

const vda5050 = z.strictObject({
  manufacturer: level.describe("The vehicle's manufacturer, as its topics and headers have it"),
  serialNumber: level.describe("The vehicle's serial number, likewise"),
  interfaceName: level.default("uagv").describe("The first level of the vehicle's topics"),
  version: z
    .string()
    .regex(/^\d+\.\d+\.\d+$/, "expected a version such as 2.0.0")
    .default("2.0.0")
    .describe("The version of VDA 5050 that it speaks; its major version is a level of the topics"),
});

const connection = z.strictObject({
  base: topicName
    .optional()
    .describe("What ./ at the beginning of a topic stands for, so that a profile serves many devices"),
  vda5050: vda5050
    .optional()
    .describe(
      "A vehicle that speaks VDA 5050: gives the base of its topics, and the header of what is written",
    ),
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
    .enum(jsonValueTypes)
    .optional()
    .describe(
      "What the value is; string for text, else float. json is any part of the payload, as it stands there",
    ),
  timestamp: z
    .strictObject({
      pointer: pointer.describe("Where in the JSON payload the source's own time stands"),
      unit: z
        .enum(timestampUnits)
        .default("iso8601")
        .describe("How it is written: ISO 8601, or s, ms or us since the Unix epoch"),
    })
    .optional()
    .describe("The source's own time; absent: the time at which the message came"),
  durable: z
    .union([
      z.boolean(),
      z.strictObject({
        id: pointer
          .min(1, "expected a JSON Pointer to one field, such as /transactionId")
          .describe("Where the message's own identity stands: one that comes again is not stored again"),
      }),
    ])
    .optional()
    .describe("Each message goes to the stream EVENTS, and is acknowledged to the device once it is on disk"),
}) satisfies z.ZodType<MqttTagOptions>;

const write = z.object({
  topic: topicName.describe("The topic on which the device takes the value"),
  pointer: pointer
    .optional()
    .describe("Where in a JSON payload the value goes; absent: the value alone is the payload"),
  header: z
    .boolean()
    .default(false)
    .describe(
      "Puts the header of VDA 5050 before the fields of the value, which is an object; its own fields win, but for headerId",
    ),
});

export const mqttSchema: AdapterSchema<MqttConnection, MqttOptions, MqttTagOptions> = {
  name: "mqtt",
  connection,
  options: z.object({}),
  tag,
  write,
  polled: false,
  templates: true,
  silence: (entry) => entry.silence,
  value: (entry) => jsonValueSpec(typeOf(entry)),
  durable: ({ address, durable }, connection) => {
    if (durable === undefined || durable === false) return undefined;
    const filter = fullTopic(address, baseOf(connection));
    return durable === true ? { filter } : { filter, id: durable.id };
  },
  endpoint: ({ clientId, vda5050 }) => {
    if (clientId !== undefined) return `client ${clientId}`;
    return vda5050 && `vehicle ${vda5050.manufacturer}/${vda5050.serialNumber}`;
  },
  url: {
    schemes: ["mqtt", "mqtts"],
    examples: ["mqtt://127.0.0.1:1883 (the broker that the device connects to)"],
    // The URL names the broker; of the devices behind it nothing is known yet.
    connection: () => ({}),
  },
  check: checkDevice,
};

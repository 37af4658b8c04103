import * as z from "zod";
import { durationField, secretField, type AdapterSchema } from "../../src/adapter-kit/schema.ts";
import { checkDevice } from "./check.ts";
import { connectionUrl } from "./connection-url.ts";
import {
  isMethod,
  modeOf,
  securityModes,
  securityPolicies,
  triggers,
  type OpcuaConnection,
  type OpcuaOptions,
  type OpcuaTagOptions,
} from "./mapping.ts";
import { parseBrowsePath, parseNodeAddress } from "./node-address.ts";
import { typeNames, valueSpecOf } from "./value-type.ts";

const nodeId = z
  .string()
  .refine((text) => parseNodeAddress(text) !== undefined, {
    error: "expected a node id, such as nsu=http://example.com/line;s=Press.Pressure",
  })
  .meta({ examples: ["nsu=http://example.com/line;s=Press.Pressure", "ns=2;i=1001", "i=2258"] });
const browsePath = z
  .string()
  .refine((text) => parseBrowsePath(text) !== undefined, {
    error: "expected a browse path from the Root folder, such as /Objects/2:Press/2:Pressure",
  })
  .meta({ examples: ["/Objects/2:Press/2:Pressure"] });

function wait(leastMs: number) {
  return durationField.refine((span) => span >= leastMs && span <= 600_000, {
    error: `expected ${leastMs}ms to 10m`,
  });
}

const endpoint = z.string().refine(isEndpoint, "expected opc.tcp://host:4840 or opc.tcp://host:4840/path");

function isEndpoint(text: string): boolean {
  return /^opc\.tcp:\/\/[^\s/]+(\/\S*)?$/.test(text) && URL.canParse(text);
}

const connection = z.strictObject({
  endpoint: endpoint.describe("The server's address, such as `opc.tcp://192.168.0.10:4840`"),
  security: z
    .strictObject({
      policy: z
        .enum(securityPolicies)
        .optional()
        .describe(
          "The security policy; `none` only where it is named. Absent: the strongest secure one offered",
        ),
      mode: z
        .enum(securityModes)
        .optional()
        .describe(
          "Whether messages are signed, or signed and encrypted. Absent: encrypted where it is offered",
        ),
      trust: z
        .enum(["listed", "on-first-use"])
        .default("listed")
        .describe(
          "`listed`: only certificates in the folder `trusted`; `on-first-use`: the first one is put there",
        ),
    })
    .prefault({})
    .describe("Security of the connection"),
  user: z.string().min(1).optional().describe("User name; without it and a user certificate: anonymous"),
  password: secretField.optional().describe("The user's password"),
  userCertificate: z
    .strictObject({
      certificate: secretField.describe("The user's certificate in PEM"),
      key: secretField.describe("Its private key in PEM"),
    })
    .optional()
    .describe("Log in with a certificate in place of a user name"),
  timeout: wait(100).prefault("5s").describe("An answer that takes longer is a lost connection"),
}) satisfies z.ZodType<OpcuaConnection>;

const mode = z.enum(["subscribe", "poll"]);
const trigger = z.enum(triggers);
const queueSize = z.int().min(1).max(10_000);

const options = z.object({
  mode: mode
    .default("subscribe")
    .describe("`subscribe`: the server sends changes; `poll`: read at a poll group's interval"),
  publishingInterval: wait(10).prefault("250ms").describe("How often the server sends what changed"),
  samplingInterval: wait(0).prefault("250ms").describe("How often the server looks at a value"),
  queueSize: queueSize.default(10).describe("How many changes the server keeps between two publishings"),
  trigger: trigger.default("status-value").describe("What counts as a change"),
  timestamps: z.enum(["source", "server"]).default("source").describe("Whose time a reading carries first"),
  heartbeat: wait(1_000)
    .prefault("10s")
    .describe(
      "Connect anew when the server's own clock stands still so long, and at least for three of its own looks at it",
    ),
  retryBadTags: wait(100)
    .prefault("10s")
    .describe("How often tags that the server does not know are tried again"),
  events: z
    .array(
      z.strictObject({
        node: nodeId.default("i=2253").describe("The notifier; the Server object hears everything"),
        severity: z.int().min(1).max(1_000).default(1).describe("The least severity"),
      }),
    )
    .prefault([])
    .describe("Alarms, conditions and other events to pass on"),
}) satisfies z.ZodType<OpcuaOptions>;

const tag = z.object({
  node: nodeId.optional().describe("The variable's node id, best with its namespace URI"),
  path: browsePath.optional().describe("The variable's browse path, in place of `node`"),
  object: nodeId.optional().describe("For a method: the object that it is called on"),
  method: nodeId
    .optional()
    .describe("A method: a write of its arguments calls it, the tag holds its last results"),
  type: z
    .enum(typeNames)
    .optional()
    .describe("The value's type; needed for writes, limits, scale and deadband"),
  mode: mode.optional().describe("In place of the device's"),
  samplingInterval: wait(0).optional().describe("In place of the device's"),
  queueSize: queueSize.optional().describe("In place of the device's"),
  trigger: trigger.optional().describe("In place of the device's"),
  serverDeadband: z
    .number()
    .min(0)
    .optional()
    .describe("The server keeps changes up to this to itself, in raw units"),
  serverDeadbandPercent: z
    .number()
    .min(0)
    .max(100)
    .optional()
    .describe("The same in percent of the variable's EURange"),
}) satisfies z.ZodType<OpcuaTagOptions>;

export const opcuaSchema: AdapterSchema<OpcuaConnection, OpcuaOptions, OpcuaTagOptions> = {
  name: "opcua",
  connection,
  options,
  tag,
  write: z.object({}),
  polled: true,
  polls: (tag, _, device) => !isMethod(tag) && modeOf(tag, device) === "poll",
  templates: false,
  value: (tag) => valueSpecOf(tag.type),
  answers: isMethod,
  url: connectionUrl,
  check: checkDevice,
};

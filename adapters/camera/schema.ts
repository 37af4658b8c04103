import * as z from "zod";
import {
  isPath,
  isPointer,
  jsonValueSpec,
  jsonValueTypes,
  timestampUnits,
} from "../../src/adapter-kit/index.ts";
import {
  byteSizeField,
  durationField,
  listenField,
  secretField,
  type AdapterSchema,
} from "../../src/adapter-kit/schema.ts";
import { checkDevice } from "./check.ts";
import { typeOf, type CameraConnection, type CameraOptions, type CameraTagOptions } from "./mapping.ts";

const pointer = z.string().refine(isPointer, "expected a JSON Pointer, such as /result/score");
const tagPath = z.string().refine((text) => isPath(text), "expected a path, such as press-1/cycle/done");
const longest = 24 * 86_400_000;
const wait = durationField.refine((span) => span >= 1 && span <= longest, "expected 1ms to 24d");

function urlField(...protocols: readonly string[]) {
  const form = `expected a URL that begins with ${protocols.map((one) => `${one}//`).join(" or ")} and holds no password`;
  return z.string().refine((text) => {
    const url = URL.parse(text);
    return url !== null && protocols.includes(url.protocol) && url.password === "" && url.username === "";
  }, form);
}

const httpUrl = urlField("http:", "https:");
const reference = z.string().min(1);

const account = {
  user: z.string().min(1).describe("The user's name at the camera"),
  password: secretField,
};

const auth = z
  .discriminatedUnion("scheme", [
    z.strictObject({
      scheme: z.literal("basic").describe("How: basic, digest (RFC 7616) or bearer"),
      ...account,
    }),
    z.strictObject({
      scheme: z.literal("digest").describe("How: basic, digest (RFC 7616) or bearer"),
      ...account,
    }),
    z.strictObject({
      scheme: z.literal("bearer").describe("How: basic, digest (RFC 7616) or bearer"),
      token: secretField,
    }),
  ])
  .optional()
  .describe("Who the gateway is to the camera");

const tls = z
  .strictObject({
    ca: z.string().optional().describe("PEM file with the authority of the camera's certificate"),
    insecure: z.boolean().default(false).describe("Takes any certificate: only where the network is trusted"),
  })
  .optional()
  .describe("For https and wss");

const dialled = {
  timeout: wait.prefault("2s").describe("An answer takes no longer"),
  maxBytes: byteSizeField.prefault("16MB").describe("The largest answer, message, post or image"),
  auth,
  tls,
};

const connection = z.discriminatedUnion("transport", [
  z.strictObject({
    transport: z.literal("http-poll").describe("The gateway asks for results"),
    url: httpUrl.describe("Where the results are"),
    ...dialled,
  }),
  z.strictObject({
    transport: z.literal("http-push").describe("The camera posts results"),
    listen: listenField
      .prefault("127.0.0.1:8090")
      .describe("Where the gateway listens; shared by all pushing cameras that name the same"),
    path: z
      .string()
      .regex(/^\/[A-Za-z0-9/_.~-]*$/, "expected a path, such as /camera/station-2")
      .optional()
      .describe("Where the camera posts to; /camera/<device> where it is absent"),
    token: secretField.optional(),
    tokenIn: z
      .enum(["authorization", "x-token", "query"])
      .default("authorization")
      .describe("Where the camera shows it: `Authorization: Bearer`, `X-Token`, or `?token=`"),
    ...dialled,
  }),
  z.strictObject({
    transport: z.literal("websocket").describe("The camera streams results"),
    url: urlField("ws:", "wss:").describe("Where the stream is"),
    ping: wait.prefault("10s").describe("How often the camera is pinged; it has as long for its pong"),
    subprotocol: z.string().min(1).optional().describe("The subprotocol asked for"),
    subscribe: z.string().min(1).optional().describe("A text sent as soon as the connection stands"),
    ...dialled,
  }),
]) satisfies z.ZodType<CameraConnection>;

const timestamp = z
  .strictObject({
    pointer: pointer.describe("Where in the result the source's own time stands"),
    unit: z
      .enum(timestampUnits)
      .default("iso8601")
      .describe("How it is written: ISO 8601, or s, ms or us since the Unix epoch"),
  })
  .optional();

const options = z.object({
  snapshot: z
    .strictObject({
      url: reference.describe(
        "Where the image is; relative to the connection's url, or whole for a camera that posts",
      ),
      trigger: tagPath.describe("The tag of this site that says when, such as press-1/cycle/done"),
      on: z
        .enum(["rise", "change"])
        .default("rise")
        .describe("When it becomes true or leaves 0 (rise), or with each new value (change)"),
      delay: durationField
        .refine((span) => span <= 60_000, "expected at most 60s")
        .prefault("0ms")
        .describe("So long after it"),
      within: durationField
        .refine((span) => span <= 60_000, "expected at most 60s")
        .prefault("2s")
        .describe(
          "Of a camera that posts or streams: a result that comes this soon after the trigger belongs to it",
        ),
    })
    .optional()
    .describe("An image for each change of another tag, put where the image tag says"),
  event: z
    .strictObject({
      name: z
        .string()
        .refine((text) => isPath(text), "expected a name, such as inspected")
        .describe("The event's name, such as inspected"),
      fields: z
        .record(z.string(), pointer)
        .optional()
        .describe("What stands in it: pointers into the result by name; absent: all of it as `result`"),
      key: pointer
        .optional()
        .describe("What tells one polled result from the next, such as /part; absent: any difference"),
      image: z.boolean().default(false).describe("The result's image stands in it as well"),
      timestamp: timestamp.describe("The event's own time; absent: the gateway's"),
    })
    .optional()
    .describe("An event for each inspection result"),
}) satisfies z.ZodType<CameraOptions>;

const tag = z.object({
  url: reference.optional().describe("Where its result or image is; relative to the connection's url"),
  pointer: pointer
    .optional()
    .describe("Which part of the result, as JSON Pointer (RFC 6901); absent: all of it"),
  type: z
    .enum(jsonValueTypes)
    .optional()
    .describe("What the value is, else float. json is a part of the result as it stands there"),
  timestamp: timestamp.describe("The source's own time; absent: the time at which the result came"),
  image: z.boolean().default(false).describe("The tag says where the image was put"),
}) satisfies z.ZodType<CameraTagOptions>;

const write = z.object({
  url: reference.describe("Where the value is sent to; relative to the connection's url"),
  method: z.enum(["POST", "PUT"]).default("POST").describe("How"),
  pointer: pointer
    .optional()
    .describe("Where in a JSON body the value stands; absent: the value alone is the body"),
});

/** A stream that stands and is mute for so long tells nothing of the present any more. */
const staleStreamMs = 60_000;

export const cameraSchema: AdapterSchema<CameraConnection, CameraOptions, CameraTagOptions> = {
  name: "camera",
  connection,
  options,
  tag,
  write,
  polled: true,
  polls: (entry, camera) => camera.transport === "http-poll" && !entry.image,
  templates: false,
  stale: (entry, camera) => (camera.transport === "websocket" && !entry.image ? staleStreamMs : undefined),
  value: (entry) => (entry.image ? { kind: "json" } : jsonValueSpec(typeOf(entry))),
  endpoint: (camera) => {
    if (camera.transport !== "http-push" || camera.path === undefined) return undefined;
    return `${camera.listen.host}:${camera.listen.port}${camera.path}`;
  },
  listens: (camera) => (camera.transport === "http-push" ? camera.listen : undefined),
  check: checkDevice,
};

import * as z from "zod";
import { durationField, type AdapterSchema } from "../../src/adapter-kit/schema.ts";
import { parseAddress, parseHole } from "./address.ts";
import { checkDevice } from "./check.ts";
import { connectionUrl } from "./connection-url.ts";
import { parseDataType, plainKinds, valueSpecOf } from "./data-type.ts";
import { isMistake, type Mistake } from "./mistake.ts";
import { endpointOf, type ModbusConnection, type ModbusOptions, type ModbusTagOptions } from "./mapping.ts";
import { orders, parseOrder, parseStringOrder } from "./order.ts";
import { typeOf } from "./tag.ts";

/** A text that a parser turns into plain data. A mistake's `allowed` and `meant` travel in the issue's `params`. */
function parsed<T>(parse: (text: string) => T | Mistake, examples: readonly [string, ...string[]]) {
  return z
    .string({ error: `expected text in quotes, such as "${examples[0]}"` })
    .meta({ examples: [...examples] })
    .transform((text, context): T => {
      const result = parse(text);
      if (!isMistake(result)) return result;
      const { message, ...params } = result;
      context.issues.push({ code: "custom", input: text, message, params });
      return z.NEVER;
    });
}

/** A time that a timer waits, long enough for any device. */
function wait(leastMs: number) {
  return durationField.refine((span) => span >= leastMs && span <= 600_000, {
    error: `expected ${leastMs}ms to 10m`,
  });
}

const connection = z.discriminatedUnion("transport", [
  z.strictObject({
    transport: z.literal("tcp").describe("Modbus TCP: the only transport so far"),
    host: z.string().min(1).describe("Name or IP address of the device or of the gateway before it"),
    port: z.int().min(1).max(65_535).default(502).describe("TCP port"),
    unitId: z
      .int()
      .min(0)
      .max(255)
      .default(1)
      .describe("The device behind this address; many PLCs with their own address take any, some want 255"),
    timeout: wait(1).prefault("500ms").describe("An answer that takes longer is given up"),
    connectTimeout: wait(1).prefault("3s").describe("A connection that takes longer is given up"),
    pauseAfterConnect: wait(0)
      .prefault("0ms")
      .describe("Silence after connecting, for devices that are not ready at once"),
    pauseBetweenRequests: wait(0)
      .prefault("0ms")
      .describe("Silence between an answer and the next request, for devices that need it"),
  }),
]) satisfies z.ZodType<ModbusConnection>;

const order = parsed(parseOrder, orders);
const stringOrder = parsed(parseStringOrder, ["AB", "BA"]);

const options = z.object({
  order: order.prefault("ABCD").describe("The byte order of tags that have no `order` of their own"),
  stringOrder: stringOrder
    .prefault("AB")
    .describe("The order of the characters in each register of tags that have no `stringOrder` of their own"),
  requests: z
    .strictObject({
      maxRegisters: z
        .int()
        .min(1)
        .max(125)
        .default(125)
        .describe("The most registers that the device gives in one response"),
      maxBits: z
        .int()
        .min(1)
        .max(2_000)
        .default(2_000)
        .describe("The most coils or discrete inputs that the device gives in one response"),
      holes: z
        .array(parsed(parseHole, ["holding:60..69", "holding:60"]))
        .prefault([])
        .describe("Addresses that are never read, not even between two tags, such as `holding:60..69`"),
      grouping: z
        .enum(["least-time", "per-tag"])
        .default("least-time")
        .describe(
          "`least-time` shares requests among tags; `per-tag` asks for one tag's registers at a time",
        ),
      cost: z
        .strictObject({
          request: durationField.prefault("5ms").describe("Reckoned time of a request for nothing"),
          register: durationField.prefault("0.01ms").describe("Reckoned time that each register adds"),
        })
        .prefault({})
        .describe("The cost model by which requests are planned"),
    })
    .prefault({})
    .describe("What the device may be asked for in one read request"),
  writes: z
    .strictObject({
      bits: z
        .enum(["read-modify-write", "mask-write"])
        .default("read-modify-write")
        .describe(
          "How one bit of a holding register is written; `mask-write` (FC 22) where the device has it",
        ),
      single: z
        .enum(["single", "multiple"])
        .default("single")
        .describe("One coil or register is written with FC 5 or 6 (`single`), or FC 15 or 16 (`multiple`)"),
    })
    .prefault({})
    .describe("The functions that the device takes for writes"),
}) satisfies z.ZodType<ModbusOptions>;

const tag = z.object({
  address: parsed(parseAddress, [
    "holding:40",
    "input:7",
    "coil:3",
    "discrete:0",
    "holding:40.3",
    "40041",
  ]).describe(
    "Table and zero-based address, such as `holding:40`, `coil:3` or `holding:40.3`; or Modicon, such as `40041`",
  ),
  type: parsed(parseDataType, [...plainKinds, "string(16)"])
    .optional()
    .describe("How registers become a value; `bool` where the address names a bit, else `uint16`"),
  order: order.optional().describe("The byte order of this tag, in place of the device's"),
  stringOrder: stringOrder
    .optional()
    .describe("For strings: `BA` where the device swaps the characters of each register"),
}) satisfies z.ZodType<ModbusTagOptions>;

export const modbusSchema: AdapterSchema<ModbusConnection, ModbusOptions, ModbusTagOptions> = {
  name: "modbus",
  connection,
  options,
  tag,
  write: z.object({}),
  polled: true,
  templates: false,
  value: (tag) => valueSpecOf(typeOf(tag)),
  endpoint: (connection) => `${endpointOf(connection)}/${connection.unitId}`,
  url: connectionUrl,
  check: checkDevice,
};

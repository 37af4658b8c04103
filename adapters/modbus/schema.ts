import * as z from "zod";
import { durationField, type AdapterSchema } from "../../src/adapter-kit/schema.ts";
import { parseAddress, parseHole } from "./address.ts";
import { checkDevice } from "./check.ts";
import { connectionUrl } from "./connection-url.ts";
import { parseDataType, plainKinds, valueSpecOf } from "./data-type.ts";
import { isMistake, type Mistake } from "./mistake.ts";
import {
  endpointOf,
  isSerial,
  lineOf,
  type ModbusConnection,
  type ModbusOptions,
  type ModbusTagOptions,
} from "./mapping.ts";
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

/**
 * Modicon's form without quotes is a number to YAML, and to the editors that the JSON Schema is for. Leading zeros are
 * lost on the way: coils need their quotes.
 */
function withNumber<T>(address: z.ZodType<T, string>) {
  return z
    .preprocess((given) => (isModiconNumber(given) ? String(given) : given), address)
    .meta({ type: ["string", "integer"] });
}

function isModiconNumber(given: unknown): boolean {
  return Number.isSafeInteger(given) && Number(given) > 10_000;
}

/** A time that a timer waits, long enough for any device. */
function wait(leastMs: number) {
  return durationField.refine((span) => span >= leastMs && span <= 600_000, {
    error: `expected ${leastMs}ms to 10m`,
  });
}

/** What every transport has. */
const common = {
  timeout: wait(1)
    .prefault("500ms")
    .describe("An answer that is longer in coming is given up; the time of the characters comes on top"),
  pauseAfterConnect: wait(0)
    .prefault("0ms")
    .describe("Silence after connecting, for devices that are not ready at once"),
  pauseBetweenRequests: wait(0)
    .prefault("0ms")
    .describe("Silence between an answer and the next request, for devices that need it"),
  turnaround: wait(0)
    .prefault("0ms")
    .describe("Silence before a request to this unit where another one was asked before"),
};

const unitId = z.int().min(0).max(255).default(1);

/** What both transports over a network have. */
const network = {
  host: z.string().min(1).describe("Name or IP address of the device or of the gateway before it"),
  connectTimeout: wait(1).prefault("3s").describe("A connection that takes longer is given up"),
  ...common,
};

/** What both transports over a serial port have. */
const serial = {
  port: z
    .string({ error: "expected the path of a serial port, such as /dev/serial/by-id/usb-FTDI_…-port0" })
    .min(1)
    .meta({ examples: ["/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0"] })
    .describe("The serial port's path; names under /dev/serial/by-id stay the same over replugging"),
  unitId: z.int().min(1).max(247).default(1).describe("The device's address on the line"),
  baud: z
    .int()
    .min(110)
    .max(4_000_000)
    .default(19_200)
    .describe("Bits a second, the same for all on the line"),
  parity: z.enum(["none", "even", "odd"]).default("even").describe("The parity bit of each character"),
  stopBits: z
    .union([z.literal(1), z.literal(2)])
    .default(1)
    .describe("Stop bits of each character"),
  rts: z
    .enum(["driver", "off", "while-sending", "while-receiving"])
    .default("driver")
    .describe(
      "RTS: the driver's business, always off, or set from here as the direction of an RS-485 adapter that needs it",
    ),
  ...common,
};

/** The keys of `connection:` by transport. */
export const connections = {
  tcp: z.strictObject({
    transport: z.literal("tcp").describe("Modbus TCP"),
    port: z.int().min(1).max(65_535).default(502).describe("TCP port"),
    unitId: unitId.describe(
      "The device behind this address; many PLCs with their own address take any, some want 255",
    ),
    ...network,
  }),
  "rtu-over-tcp": z.strictObject({
    transport: z.literal("rtu-over-tcp").describe("RTU frames through the TCP port of a serial server"),
    port: z.int().min(1).max(65_535).describe("TCP port of the serial server"),
    unitId: unitId.describe("The device's address on the line behind the serial server"),
    ...network,
  }),
  rtu: z.strictObject({
    transport: z.literal("rtu").describe("RTU over a serial port of this machine"),
    dataBits: z.literal(8).default(8).describe("Data bits of each character: RTU has 8"),
    ...serial,
  }),
  ascii: z.strictObject({
    transport: z.literal("ascii").describe("ASCII over a serial port of this machine"),
    dataBits: z
      .union([z.literal(7), z.literal(8)])
      .default(7)
      .describe("Data bits of each character"),
    ...serial,
  }),
};

const connection = z.discriminatedUnion("transport", [
  connections.tcp,
  connections.rtu,
  connections["rtu-over-tcp"],
  connections.ascii,
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
  address: withNumber(
    parsed(parseAddress, ["holding:40", "input:7", "coil:3", "discrete:0", "holding:40.3", "40041"]),
  ).describe(
    "Table and zero-based address, such as `holding:40`, `coil:3` or `holding:40.3`; or Modicon, such as `40041`",
  ),
  type: parsed(parseDataType, [...plainKinds, "string(16)"])
    .optional()
    .describe("How registers become a value; `bool` where the address names a bit, else `uint16`"),
  event: z
    .boolean()
    .optional()
    .describe("`true` for a tag that is asked for ahead of all other polls, in a request of its own"),
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
  medium: (connection) => ({
    name: endpointOf(connection),
    settings: isSerial(connection) ? `${lineOf(connection)}, rts ${connection.rts}` : lineOf(connection),
  }),
  check: checkDevice,
};

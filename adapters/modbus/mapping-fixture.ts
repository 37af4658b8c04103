import { ms, type PollGroup, type WriteRule } from "../../src/adapter-kit/index.ts";
import type { ModbusDevice, ModbusTag, ModbusTagOptions } from "./mapping.ts";
import { modbusSchema } from "./schema.ts";

/** For tests: a device as its mapping file's own keys make it, each left out one at its default. */
export function deviceOf(
  tags: readonly ModbusTag[],
  keys: { readonly device?: string; readonly connection?: object; readonly options?: object } = {},
): ModbusDevice {
  return {
    device: keys.device ?? "press-1",
    adapter: "modbus",
    connection: modbusSchema.connection.parse({ ...placeOf(keys.connection), ...keys.connection }),
    options: modbusSchema.options.parse({ ...keys.options }) as unknown as ModbusDevice["options"],
    tags,
  };
}

/** A serial line has no host. */
function placeOf(connection: object = {}): object {
  const isNetwork = !("transport" in connection) || /tcp/.test(String(connection.transport));
  return { transport: "tcp", ...(isNetwork && { host: "127.0.0.1" }) };
}

/** For tests: a tag as its own keys in a mapping file make it. */
export function tagOf(
  keys: {
    readonly address: string;
    readonly type?: string;
    readonly order?: string;
    readonly stringOrder?: string;
    readonly event?: boolean;
  },
  common: { readonly name?: string; readonly poll?: PollGroup; readonly write?: WriteRule } = {},
): ModbusTag {
  const options = modbusSchema.tag.parse(keys) as unknown as ModbusTagOptions;
  return {
    name: common.name ?? "ram/pressure",
    options,
    value: modbusSchema.value(options, deviceOf([]).options),
    scale: 1,
    offset: 0,
    poll: common.poll ?? { name: "normal", interval: ms(1_000) },
    ...(common.write !== undefined && { write: common.write }),
  };
}

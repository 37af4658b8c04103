import { GatewayError } from "../domain/errors.ts";
import type { JsonValue } from "../domain/reading.ts";
import { parseDuration, durationForm } from "../domain/duration.ts";

/** What every commissioning command takes, for `parseArgs`. */
export const deviceOptions = {
  json: { type: "boolean", default: false },
  broker: { type: "string" },
  user: { type: "string" },
  password: { type: "string" },
  ca: { type: "string" },
  help: { type: "boolean", short: "h" },
} as const;

/** What the usage of every commissioning command says about them. */
export const deviceUsage = `  --json             one JSON object a line, for tools
  --broker URL       for devices that connect to the gateway's MQTT broker: that broker (the one of gateway.yaml)
  --user NAME        the user of that broker
  --password SECRET  its password: env:NAME or file:PATH
  --ca FILE          the authority of its certificate in PEM, where it is a mqtts:// or tls:// address
  --help             this text

DEVICE is a device file, such as mappings/factory/devices/press-1.yaml, or, for a device without a mapping, its
connection as a URL, such as modbus-tcp://10.0.0.5:502/1, modbus-rtu:///dev/ttyUSB0?baud=19200&parity=even&unit=3 or
opc.tcp://10.0.0.5:4840?security.policy=none.
The command connects by itself. Many devices take one connection only: stop a gateway that has it.`;

/** A duration from the command line in ms, where it is given; throws CONFIG_INVALID for anything else. */
export function durationArgument(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const duration = parseDuration(text);
  if (duration !== undefined) return duration;
  throw new GatewayError("CONFIG_INVALID", `${name}: expected ${durationForm}, found "${text}"`);
}

/** Keys of a mapping entry: `--type`, `--order` and any other as `--set pointer=/x`. */
export function entryKeys(values: {
  readonly type?: string | undefined;
  readonly order?: string | undefined;
  readonly set?: readonly string[] | undefined;
}): { readonly [key: string]: JsonValue } {
  const { type, order, set = [] } = values;
  const further = set.map((text) => {
    const equals = text.indexOf("=");
    if (equals > 0) return [text.slice(0, equals), plainWord(text.slice(equals + 1))] as const;
    throw new GatewayError("CONFIG_INVALID", `--set: expected KEY=VALUE, such as scale=0.1, found "${text}"`);
  });
  return {
    ...(type === undefined ? {} : { type }),
    ...(order === undefined ? {} : { order }),
    ...Object.fromEntries(further),
  };
}

function plainWord(text: string): JsonValue {
  if (text === "true" || text === "false") return text === "true";
  const number = Number(text);
  return text.trim() !== "" && Number.isFinite(number) ? number : text;
}

/** The one DEVICE that a command needs, and what follows it. Throws CONFIG_INVALID with an example. */
export function deviceAnd(
  positionals: readonly string[],
  example: string,
): { readonly device: string; readonly rest: readonly string[] } {
  const [device, ...rest] = positionals;
  if (device !== undefined) return { device, rest };
  throw new GatewayError("CONFIG_INVALID", `A device is missing, such as: linegate ${example}`);
}

/** The one DEVICE of a command that takes nothing else. Throws CONFIG_INVALID with an example. */
export function oneDevice(positionals: readonly string[], example: string): string {
  const { device, rest } = deviceAnd(positionals, example);
  if (rest.length === 0) return device;
  throw new GatewayError(
    "CONFIG_INVALID",
    `One device at a time: ${rest.join(" ")} is too much. Such as: linegate ${example}`,
  );
}

import { parseArgs } from "node:util";
import { parseDuration } from "../../src/domain/duration.ts";
import { GatewayError } from "../../src/domain/errors.ts";

export const usage = `Usage: node simulators/sparkplug/main.ts [options]

A Sparkplug B edge node with one device, whose values move. Ctrl+C ends it with its death certificate.

  --broker URL        where it connects (mqtt://127.0.0.1:1883)
  --user NAME         and --password WORD: how it logs in
  --group ID          (plant)
  --node ID           (edge-1)
  --device ID         (machine-1)
  --fault KIND@TIME   may be given several times, at a time after the start, such as sequence-gap@10s:
                      sequence-gap, swapped, unknown-alias, garbage, cut, device-death, stale-death, no-rebirth
  --help              this text
`;

export const faultNames = [
  "sequence-gap",
  "swapped",
  "unknown-alias",
  "garbage",
  "cut",
  "device-death",
  "stale-death",
  "no-rebirth",
] as const;

export type SparkplugFault = (typeof faultNames)[number];

/** What the command line of the simulator asks for. */
export interface Arguments {
  readonly help: boolean;
  readonly broker: string;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly group: string;
  readonly node: string;
  readonly device: string;
  readonly faults: readonly {
    readonly fault: SparkplugFault;
    /** ms after the start. */
    readonly at: number;
  }[];
}

/** Reads the command line; rejects what it doesn't know with CONFIG_INVALID. */
export function readArguments(args: readonly string[]): Arguments {
  const { values } = parsed(args);
  return {
    help: values.help,
    broker: values.broker,
    user: values.user,
    password: values.password,
    group: values.group,
    node: values.node,
    device: values.device,
    faults: values.fault.map(readFault),
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        broker: { type: "string", default: "mqtt://127.0.0.1:1883" },
        user: { type: "string" },
        password: { type: "string" },
        group: { type: "string", default: "plant" },
        node: { type: "string", default: "edge-1" },
        device: { type: "string", default: "machine-1" },
        fault: { type: "string", multiple: true, default: [] },
        help: { type: "boolean", short: "h", default: false },
      },
    });
  } catch (cause) {
    throw new GatewayError("CONFIG_INVALID", cause instanceof Error ? cause.message : String(cause), {
      cause,
    });
  }
}

function readFault(spec: string): Arguments["faults"][number] {
  const [name = "", time = "0s"] = spec.split("@");
  const fault = faultNames.find((one) => one === name);
  const at = parseDuration(time);
  if (fault !== undefined && at !== undefined) return { fault, at };
  throw new GatewayError("CONFIG_INVALID", `--fault ${spec}: see --help for the faults there are`);
}

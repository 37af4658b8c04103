import { parseArgs } from "node:util";
import { parseDuration } from "../../src/domain/duration.ts";
import { GatewayError } from "../../src/domain/errors.ts";

export const usage = `Usage: node simulators/store/main.ts [options]

Two tills, shelves, the camera above the entrance, a sign and a handheld of a store that customers come to. Ctrl+C ends it.

  --site DIR          the mapping folder (mappings/retail)
  --broker URL        where the devices connect (the broker of gateway.yaml)
  --seed N            the same seed gives the same customers (1)
  --speed N           simulated seconds a second (1)
  --fault KIND@TIME   may be given several times, at a time after the start, such as till-offline@10s:
                      till-offline: till 1 sells on without a network for 20 s, and tells its sales then
                      missed-ack: till 1 misses an acknowledgement, and sends that sale again
                      till-restart: till 2 has forgotten all acknowledgements, and sends every sale of the day again
                      garbage: till 2 sends a sale without articles, and half a JSON text
  --help              this text
`;

const storeFaults = ["till-offline", "missed-ack", "till-restart", "garbage"] as const;

export type StoreFault = (typeof storeFaults)[number];

export interface FaultAt {
  readonly fault: StoreFault;
  /** ms after the start. */
  readonly at: number;
}

/** What the command line of the simulator asks for. */
export interface Arguments {
  readonly help: boolean;
  readonly site: string | undefined;
  readonly broker: string | undefined;
  readonly seed: number;
  readonly speed: number;
  readonly faults: readonly FaultAt[];
}

/** Reads the command line; rejects what it doesn't know with CONFIG_INVALID. */
export function readArguments(args: readonly string[]): Arguments {
  const values = parsed(args);
  return {
    help: values.help === true,
    site: values.site,
    broker: values.broker,
    seed: number("--seed", values.seed ?? "1"),
    speed: number("--speed", values.speed ?? "1"),
    faults: (values.fault ?? []).map(readFault),
  };
}

function parsed(args: readonly string[]) {
  const text = { type: "string" } as const;
  const fault = { type: "string", multiple: true } as const;
  const help = { type: "boolean", short: "h" } as const;
  try {
    const options = { site: text, broker: text, seed: text, speed: text, fault, help };
    return parseArgs({ args: [...args], options }).values;
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new GatewayError("CONFIG_INVALID", message, { cause });
  }
}

function number(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value >= 0) return value;
  throw new GatewayError("CONFIG_INVALID", `${name}: expected a number, found "${text}"`);
}

function readFault(spec: string): FaultAt {
  const [name = "", time = "0s"] = spec.split("@");
  const fault = storeFaults.find((one) => one === name);
  const at = parseDuration(time);
  if (at !== undefined && fault !== undefined) return { fault, at };
  throw new GatewayError("CONFIG_INVALID", `--fault ${spec}: see --help for the faults there are`);
}

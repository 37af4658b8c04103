import { parseArgs } from "node:util";
import { parseDuration } from "../../src/domain/duration.ts";
import { GatewayError } from "../../src/domain/errors.ts";

export const usage = `Usage: node simulators/line/main.ts [options]

A press, a welder, their energy meters and an AGV whose values behave like a line. Ctrl+C ends it.

  --site DIR          the mapping folder to be served (mappings/factory)
  --host ADDRESS      where the Modbus servers listen (the hosts of the mapping, which must be loopback)
  --ports WHICH       mapped, or free where a port of the mapping is taken: free-if-taken (mapped)
  --broker URL        where the AGV connects (the broker of gateway.yaml)
  --seed N            the same seed gives the same line (1)
  --speed N           simulated seconds a second (1)
  --fault KIND@TIME   may be given several times: press-frozen, press-overpressure, welder-restart or
                      agv-radio-loss, at a time after the start, such as press-frozen@10s. A frozen press and
                      a lost radio heal after 5 s, overpressure when the press is slowed, or after 80 s
  --help              this text
`;

const lineFaults = ["press-frozen", "press-overpressure", "welder-restart", "agv-radio-loss"] as const;

export type LineFault = (typeof lineFaults)[number];

export interface FaultAt {
  readonly fault: LineFault;
  /** ms after the start. */
  readonly at: number;
}

/** What the command line of the simulator asks for. */
export interface Arguments {
  readonly help: boolean;
  readonly site: string | undefined;
  readonly host: string | undefined;
  readonly ports: "mapped" | "free-if-taken";
  readonly broker: string | undefined;
  readonly seed: number;
  readonly speed: number;
  readonly faults: readonly FaultAt[];
}

/** Reads the command line; rejects what it doesn't know with CONFIG_INVALID. */
export function readArguments(args: readonly string[]): Arguments {
  const values = parsed(args);
  const { ports = "mapped" } = values;
  if (ports !== "mapped" && ports !== "free-if-taken")
    throw new GatewayError("CONFIG_INVALID", `--ports: expected mapped or free-if-taken, found "${ports}"`);
  return {
    help: values.help === true,
    site: values.site,
    host: values.host,
    ports,
    broker: values.broker,
    seed: number("--seed", values.seed ?? "1"),
    speed: number("--speed", values.speed ?? "1"),
    faults: (values.fault ?? []).map(readFault),
  };
}

function parsed(args: readonly string[]) {
  const text = { type: "string" } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        site: text,
        host: text,
        ports: text,
        broker: text,
        seed: text,
        speed: text,
        fault: { type: "string", multiple: true },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (cause) {
    throw new GatewayError("CONFIG_INVALID", cause instanceof Error ? cause.message : String(cause), {
      cause,
    });
  }
}

function number(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value >= 0) return value;
  throw new GatewayError("CONFIG_INVALID", `${name}: expected a number, found "${text}"`);
}

function readFault(spec: string): FaultAt {
  const [fault = "", time = "0s"] = spec.split("@");
  const at = parseDuration(time);
  if (at !== undefined && isLineFault(fault)) return { fault, at };
  throw new GatewayError("CONFIG_INVALID", `--fault ${spec}: see --help for the faults there are`);
}

function isLineFault(text: string): text is LineFault {
  return lineFaults.some((fault) => fault === text);
}

import { parseArgs } from "node:util";
import { GatewayError } from "../../src/domain/errors.ts";
import { parseDuration } from "../../src/domain/duration.ts";
import type { Fault, FaultScope } from "./faults.ts";
import type { FramingName } from "./framing.ts";

export const usage = `Usage: node simulators/modbus/main.ts [options]

A Modbus server, on TCP or on a serial port, with faults on request. Each holding and input register holds its own address,
each coil and discrete input is on where its address is odd. Ctrl+C ends it.

  --host ADDRESS          where to listen (127.0.0.1)
  --port N                port to listen on; 0 takes a free one (1502)
  --framing NAME          tcp, rtu or ascii (tcp; rtu on a serial port)
  --serial PATH           serve the serial port at PATH, 8 data bits, no parity, in place of TCP. Where there is
                          nothing at PATH, a pseudo-terminal is put there. Needs the program socat
  --baud N                its baud rate; on a pseudo-terminal the characters take as long as at that rate (19200)
  --units 1,2,…           unit ids that answer (1); others get exception 11 on TCP, no answer on a line
  --max-connections N     further connections are closed at once
  --fault SPEC            may be given several times; SPEC is KIND[=VALUE][,unit=N][,fc=N][,times=N]
                            delay=200ms   drop       exception=6  junk         split=1 (bytes a piece)
                            truncated=1   short=2    wrong-length=1  wrong-transaction  wrong-protocol
                            wrong-unit    wrong-function  wrong-byte-count  late  duplicate  close
                            dead          echo       bad-crc      slow=2 (ms a character)
  --frozen                take connections and requests, answer nothing
  --help                  this text
`;

/** What the command line of the simulator asks for. */
export interface Arguments {
  readonly help: boolean;
  readonly host: string;
  readonly port: number;
  readonly framing: FramingName;
  /** The path of a serial port, in place of TCP. */
  readonly serial: string | undefined;
  readonly baud: number;
  readonly units: readonly number[];
  readonly maxConnections: number | undefined;
  readonly faults: readonly { readonly fault: Fault; readonly scope: FaultScope }[];
  readonly frozen: boolean;
}

/** Reads the command line; rejects what it doesn't know with CONFIG_INVALID. */
export function readArguments(args: readonly string[]): Arguments {
  const values = parsed(args);
  return {
    help: values.help === true,
    host: values.host ?? "127.0.0.1",
    port: integer("--port", values.port ?? "1502", 0, 65_535),
    framing: framingOf(values.framing ?? (values.serial === undefined ? "tcp" : "rtu"), values.serial),
    serial: values.serial,
    baud: integer("--baud", values.baud ?? "19200", 110, 4_000_000),
    units: (values.units ?? "1").split(",").map((text) => integer("--units", text, 0, 255)),
    maxConnections:
      values["max-connections"] === undefined
        ? undefined
        : integer("--max-connections", values["max-connections"], 1, 65_535),
    faults: (values.fault ?? []).map(readFault),
    frozen: values.frozen === true,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        host: { type: "string" },
        port: { type: "string" },
        framing: { type: "string" },
        serial: { type: "string" },
        baud: { type: "string" },
        units: { type: "string" },
        "max-connections": { type: "string" },
        fault: { type: "string", multiple: true },
        frozen: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new GatewayError("CONFIG_INVALID", message, { cause });
  }
}

function integer(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text.trim()) && value >= min && value <= max) return value;
  throw new GatewayError("CONFIG_INVALID", `${name}: expected ${min} to ${max}, found "${text}"`);
}

function framingOf(name: string, serial: string | undefined): FramingName {
  if (name === "rtu" || name === "ascii" || (name === "tcp" && serial === undefined)) return name;
  const allowed = serial === undefined ? "tcp, rtu or ascii" : "rtu or ascii on a serial port";
  throw new GatewayError("CONFIG_INVALID", `--framing: expected ${allowed}, found "${name}"`);
}

function readFault(spec: string): { fault: Fault; scope: FaultScope } {
  const [head = "", ...rest] = spec.split(",");
  const [kind = "", value] = head.split("=");
  const scope: { unit?: number; functionCode?: number; times?: number } = {};
  for (const part of rest) {
    const [key = "", text = ""] = part.split("=");
    if (key === "unit") scope.unit = integer("unit", text, 0, 255);
    else if (key === "fc") scope.functionCode = integer("fc", text, 1, 127);
    else if (key === "times") scope.times = integer("times", text, 1, 1_000_000);
    else
      throw new GatewayError("CONFIG_INVALID", `--fault ${spec}: expected unit, fc or times, found "${key}"`);
  }
  return { fault: faultOf(kind, value, spec), scope };
}

function faultOf(kind: string, value: string | undefined, spec: string): Fault {
  const number = (otherwise: number) =>
    value === undefined ? otherwise : integer(`--fault ${kind}`, value, 0, 65_535);
  switch (kind) {
    case "delay": {
      const delay = parseDuration(value ?? "");
      if (delay === undefined) break;
      return { kind, ms: delay };
    }
    case "exception":
      return { kind, code: number(2) };
    case "split":
      return { kind, size: number(1) };
    case "truncated":
    case "short":
      return { kind, bytes: number(kind === "short" ? 2 : 1) };
    case "wrong-length":
      return { kind, by: number(1) };
    case "slow":
      return { kind, characterMs: number(1) };
    case "drop":
    case "dead":
    case "echo":
    case "bad-crc":
    case "junk":
    case "wrong-transaction":
    case "wrong-protocol":
    case "wrong-unit":
    case "wrong-function":
    case "wrong-byte-count":
    case "late":
    case "duplicate":
    case "close":
      return { kind };
    default:
      break;
  }
  throw new GatewayError("CONFIG_INVALID", `--fault ${spec}: see --help for the faults there are`);
}

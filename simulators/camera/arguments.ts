import { parseArgs } from "node:util";
import { GatewayError } from "../../src/domain/errors.ts";
import { cameraFaults, type CameraFault } from "./camera.ts";

export const usage = `Usage: node simulators/camera/main.ts [options]

An inspection camera: results at /api/result (JSON with an ETag), an image at /snapshot, both streamed at /stream
(WebSocket). Ctrl+C ends it.

  --host ADDRESS      where it listens (127.0.0.1)
  --port N            its port; 0 takes a free one (8101)
  --every N           seconds from one part to the next (4)
  --auth SCHEME       basic, digest-md5, digest-sha256 or bearer: as user camera, password (or token) camera
  --push URL          posts each result with its image there, such as http://127.0.0.1:8090/camera/camera-1
  --token TOKEN       shown with each post
  --tls FILE          https and wss; the certificate of its authority is written to FILE, for tls.ca
  --fault KIND        from the start: ${cameraFaults.join(", ")}
  --help              this text
`;

/** What the command line of the simulator asks for. */
export interface Arguments {
  readonly help: boolean;
  readonly host: string;
  readonly port: number;
  /** Seconds. */
  readonly every: number;
  readonly auth: "basic" | "digest-md5" | "digest-sha256" | "bearer" | undefined;
  readonly push: string | undefined;
  readonly token: string | undefined;
  readonly tls: string | undefined;
  readonly fault: CameraFault | undefined;
}

const schemes = ["basic", "digest-md5", "digest-sha256", "bearer"] as const;

/** Reads the command line; throws CONFIG_INVALID at what it doesn't know. */
export function readArguments(args: readonly string[]): Arguments {
  const values = parsed(args);
  return {
    help: values.help === true,
    host: values.host ?? "127.0.0.1",
    port: number("--port", values.port ?? "8101"),
    every: number("--every", values.every ?? "4"),
    auth: oneOf("--auth", values.auth, schemes),
    push: values.push,
    token: values.token,
    tls: values.tls,
    fault: oneOf("--fault", values.fault, cameraFaults),
  };
}

function parsed(args: readonly string[]) {
  const text = { type: "string" } as const;
  try {
    return parseArgs({
      args: [...args],
      options: {
        host: text,
        port: text,
        every: text,
        auth: text,
        push: text,
        token: text,
        tls: text,
        fault: text,
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

function oneOf<T extends string>(name: string, text: string | undefined, known: readonly T[]): T | undefined {
  const found = known.find((one) => one === text);
  if (text === undefined || found !== undefined) return found;
  throw new GatewayError("CONFIG_INVALID", `${name}: expected one of ${known.join(", ")}, found "${text}"`);
}

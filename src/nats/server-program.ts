import { execFile } from "node:child_process";
import { availableParallelism } from "node:os";
import { promisify } from "node:util";
import { GatewayError } from "../domain/errors.ts";
import { parseVersion, type ServerVersion } from "./version.ts";

const run = promisify(execFile);
const answerWithinMs = 10_000;

/** setpriv(1) of util-linux: the kernel then kills the server when the gateway is gone, however it went. */
const dieWithParent = ["setpriv", "--pdeathsig", "KILL", "--"] as const;

/** A nats-server that was found, and how it is started. */
export interface ServerProgram {
  /** The program and its first arguments; the server's own are appended. */
  readonly command: readonly [string, ...string[]];
  /** True where the kernel ends the server together with the gateway. */
  readonly diesWithGateway: boolean;
  readonly version: ServerVersion;
}

/**
 * A small environment of its own: the gateway's may hold secrets. The limits keep Go's heap and its threads to the
 * size of an appliance; the heap limit is soft, so more is taken where more is needed.
 */
export function serverEnvironment(): Record<string, string> {
  return { GOMEMLIMIT: "64MiB", GOMAXPROCS: String(Math.min(2, availableParallelism())) };
}

/**
 * Asks the program for its version, through setpriv where that works, so that one call answers both questions.
 * `tie` false leaves setpriv out.
 */
export async function inspectServer(binary: string, tie = true): Promise<ServerProgram> {
  if (tie) {
    const [file, ...first] = dieWithParent;
    try {
      const { stdout } = await run(file, [...first, binary, "--version"], { timeout: answerWithinMs });
      return { command: [file, ...first, binary], diesWithGateway: true, version: parseVersion(stdout) };
    } catch (caught) {
      if (caught instanceof GatewayError) throw caught;
    }
  }
  try {
    const { stdout } = await run(binary, ["--version"], { timeout: answerWithinMs });
    return { command: [binary], diesWithGateway: false, version: parseVersion(stdout) };
  } catch (caught) {
    if (caught instanceof GatewayError) throw caught;
    throw new GatewayError("CONFIG_INVALID", `${binary} could not be run. Check nats.embedded.server`, {
      cause: caught,
    });
  }
}

/** Has the server itself judge the configuration file; its complaint stands in the CONFIG_INVALID that is thrown. */
export async function testConfig(program: ServerProgram, configFile: string): Promise<void> {
  const [file, ...first] = program.command;
  try {
    await run(file, [...first, "-t", "-c", configFile], {
      timeout: answerWithinMs,
      env: serverEnvironment(),
    });
  } catch (caught) {
    const { stderr, stdout } = caught as { stderr?: string; stdout?: string };
    const complaint = `${stderr ?? ""}${stdout ?? ""}`.trim().replaceAll(`${configFile}:`, "line ");
    throw new GatewayError(
      "CONFIG_INVALID",
      `nats-server ${program.version.text} refuses its configuration: ${complaint.replace(/^nats-server: /, "")}`,
      { cause: caught, context: { configFile } },
    );
  }
}

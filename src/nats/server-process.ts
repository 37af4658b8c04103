import { spawn } from "node:child_process";
import type { Clock } from "../adapter-kit/clock.ts";
import type { Log } from "../adapter-kit/log.ts";
import { GatewayError } from "../domain/errors.ts";
import type { LeafFault } from "./leaf-fault.ts";
import { ServerLog } from "./server-log.ts";
import { serverEnvironment, type ServerProgram } from "./server-program.ts";

/** One running nats-server process. */
export interface ServerProcess {
  readonly pid: number;
  /** Resolves with the port once clients can connect; rejects where the process ends before that. */
  readonly ready: Promise<number>;
  /** The port of its monitoring, once it is ready and where it has any. */
  readonly monitorPort: number | undefined;
  /** See ServerLog. */
  readonly writeError: string | undefined;
  /** See ServerLog. */
  readonly leafFault: LeafFault | undefined;
  /** Resolves, once it has ended, with how: such as `exit code 1: <its last complaints>`. */
  readonly ended: Promise<string>;
  kill(signal: "SIGTERM" | "SIGKILL"): void;
}

/**
 * Starts the server in a session of its own, so that a Ctrl-C in the terminal reaches the gateway alone, which then stops
 * the server after its own last words. Must be called on the main thread: the kernel's parent-death signal follows the
 * thread that started the child (prctl(2), PR_SET_PDEATHSIG).
 */
export function launchServer(
  program: ServerProgram,
  configFile: string,
  log: Log,
  clock: Clock,
): ServerProcess {
  const [file, ...first] = program.command;
  const child = spawn(file, [...first, "-c", configFile], {
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
    env: serverEnvironment(),
  });
  const ready = Promise.withResolvers<number>();
  const ended = Promise.withResolvers<string>();
  ready.promise.catch(() => undefined);
  const ports: { clients: number; monitor?: number } = { clients: 0 };
  const output = new ServerLog(
    log,
    clock,
    (listening, what) => (ports[what] = listening),
    () => ready.resolve(ports.clients),
  );
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => output.take(chunk));
  const end = (how: string): void => {
    const said = output.tail === "" ? how : `${how}: ${output.tail}`;
    ended.resolve(said);
    ready.reject(notReady(said, configFile));
  };
  child.once("error", (error) => end(error.message));
  child.once("close", (code, signal) => end(signal === null ? `exit code ${code}` : `ended by ${signal}`));
  return {
    pid: child.pid ?? 0,
    ready: ready.promise,
    get monitorPort() {
      return ports.monitor;
    },
    get writeError() {
      return output.writeError;
    },
    get leafFault() {
      return output.leafFault;
    },
    ended: ended.promise,
    kill: (signal) => void child.kill(signal),
  };
}

function notReady(said: string, configFile: string): GatewayError {
  const taken = /listen tcp4? ?(\S+): bind: address already in use/.exec(said)?.[1];
  if (taken !== undefined) {
    return new GatewayError(
      "CONFIG_INVALID",
      `nats-server can't open ${taken}: another program listens there. Check \`nats.embedded.listen\` in gateway.yaml.`,
    );
  }
  return new GatewayError("INTERNAL", `nats-server ended before it was ready (${said})`, {
    context: { configFile },
  });
}

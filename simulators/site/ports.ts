import { isLoopback } from "../../src/adapter-kit/loopback.ts";
import { GatewayError } from "../../src/domain/errors.ts";

export interface ServerOptions {
  /** Every server listens here, in place of the mapping's own hosts; without it, only loopback hosts are served. */
  readonly host?: string | undefined;
  /** What to do where a port of the mapping can't be had: fail, or take a free one. `free` takes a free one at once. */
  readonly ports: "mapped" | "free-if-taken" | "free";
}

/** Starts a server on the mapping's port, or on a free one where that is what was asked for. */
export async function startAt<S>(
  start: (port: number) => Promise<S>,
  port: number,
  host: string,
  { ports }: ServerOptions,
): Promise<S> {
  if (ports === "free") return start(0);
  try {
    return await start(port);
  } catch (cause) {
    if (ports === "free-if-taken") return start(0);
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new GatewayError(
      "CONFIG_INVALID",
      `A simulated device can't listen on ${host}:${port}: ${why}. Is the real device, or another simulator, there?`,
      { cause },
    );
  }
}

/** A device that is elsewhere is not played on its own address by accident. */
export function refuseForeignHost(device: string, host: string, options: ServerOptions): void {
  if (options.host !== undefined || isLoopback(host)) return;
  throw new GatewayError(
    "CONFIG_INVALID",
    `${device} is at ${host}, which is not this machine's loopback. Say with --host where the simulated devices shall listen, such as --host 127.0.0.1.`,
  );
}

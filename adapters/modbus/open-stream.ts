import { once } from "node:events";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { GatewayError } from "../../src/adapter-kit/index.ts";
import type { NetworkConnection } from "./mapping.ts";
import { endpointOf } from "./mapping.ts";
import { connectTcp } from "./tcp-connect.ts";

/** An open connection below any framing. */
export interface OpenStream {
  readonly stream: Duplex;
  /** Sends bytes; what fails shows as the stream's end. */
  transmit(bytes: Buffer): void;
  /** Idempotent; resolves once nothing of it is left. */
  close(): Promise<void>;
  /** What to say where it ended by itself. */
  lost(how: string, cause?: Error): GatewayError;
}

/** Connects to the host and port. */
export async function openNetwork(connection: NetworkConnection, signal: AbortSignal): Promise<OpenStream> {
  const { host, port, connectTimeout } = connection;
  const socket = await connectTcp(host, port, connectTimeout, signal);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, 10_000);
  const endpoint = endpointOf(connection);
  return {
    stream: socket,
    transmit: (bytes) => void socket.write(bytes),
    close: () => closeSocket(socket),
    lost: (how, cause) =>
      new GatewayError(
        "DEVICE_UNREACHABLE",
        `The connection to ${endpoint} ${how}. Check the device's power and cabling, ` +
          "and whether it allows one more connection.",
        { cause, context: { endpoint } },
      ),
  };
}

async function closeSocket(socket: Socket): Promise<void> {
  socket.destroy();
  if (!socket.closed) await once(socket, "close");
}

import { connect, type Socket } from "node:net";
import { GatewayError } from "../../src/adapter-kit/index.ts";

/**
 * A connected socket. Rejects with DEVICE_UNREACHABLE in the operator's words, or with the signal's reason. Leaves
 * neither timer nor socket behind when it rejects.
 */
export function connectTcp(
  host: string,
  port: number,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Socket> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    const settle = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      socket.removeAllListeners();
    };
    const fail = (error: unknown) => {
      settle();
      // A destroyed socket may still report why its handshake ended: that is no news any more.
      socket.on("error", () => undefined);
      socket.destroy();
      reject(error);
    };
    const onAbort = () => fail(signal.reason);
    const timer = setTimeout(() => fail(unanswered(host, port, timeoutMs)), timeoutMs);
    signal.addEventListener("abort", onAbort);
    socket.once("error", (cause: NodeJS.ErrnoException) => fail(refused(host, port, cause)));
    socket.once("connect", () => {
      settle();
      resolve(socket);
    });
  });
}

function unanswered(host: string, port: number, timeoutMs: number): GatewayError {
  return new GatewayError(
    "DEVICE_UNREACHABLE",
    `No connection to ${host}:${port} within ${timeoutMs}ms. Check power, cabling and the address.`,
    { context: { host, port } },
  );
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: "refuses the connection. Check the port, and that the device's Modbus TCP server is enabled",
  ENOTFOUND: "is a name that nobody knows. Check the host's spelling and the name server",
  EAI_AGAIN: "can't be looked up: the name server does not answer. Check the network, or use an IP address",
  EHOSTUNREACH: "can't be reached. Check power, cabling and the address",
  ENETUNREACH: "lies in a network that can't be reached. Check the gateway's own network settings",
  ECONNRESET: "drops new connections. Check whether the device allows one more connection",
  ETIMEDOUT: "does not answer. Check power, cabling and the address",
};

function refused(host: string, port: number, cause: NodeJS.ErrnoException): GatewayError {
  const reason = reasons[cause.code ?? ""] ?? `can't be connected to (${cause.message})`;
  return new GatewayError("DEVICE_UNREACHABLE", `${host}:${port} ${reason}.`, {
    cause,
    context: { host, port, ...(cause.code === undefined ? {} : { reason: cause.code }) },
  });
}

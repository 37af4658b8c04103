import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions as TlsConnectionOptions } from "node:tls";
import { connect, type ConnectionOptions, type NatsConnection } from "@nats-io/transport-node";
import { GatewayError } from "../domain/errors.ts";

const defaultPort = 4222;

/** Where a nats-server is and who the gateway is there. */
export interface LinkTarget {
  /** Such as `nats://10.0.0.5:4222`; `tls://…` insists on TLS. */
  readonly url: string;
  readonly authenticator?: NonNullable<ConnectionOptions["authenticator"]>;
  readonly tls?: NonNullable<ConnectionOptions["tls"]>;
  /** Before the names of inboxes; absent: what the client takes. */
  readonly inboxPrefix?: string;
}

/**
 * One try to connect. Rejects with UPLINK_UNAVAILABLE within `timeoutMs`, or with the signal's reason.
 *
 * The client's own reconnecting is off: NatsLink does it, because the client can't be stopped while it connects, leaves
 * its socket open where a server takes the connection and stays silent, and waits for ever to flush a connection
 * that it has found stale (nats-core 3.4, `NodeTransport._closed`).
 */
export async function dial(
  target: LinkTarget,
  name: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<NatsConnection> {
  await awaitGreeting(target, timeoutMs, signal);
  try {
    return await connect({
      servers: target.url,
      name,
      reconnect: false,
      timeout: timeoutMs,
      // NatsLink confirms what it sent every second; the client's own pings only back that up.
      pingInterval: 30_000,
      noAsyncTraces: true,
      ignoreClusterUpdates: true,
      ...(target.authenticator === undefined ? {} : { authenticator: target.authenticator }),
      ...(target.tls === undefined ? {} : { tls: target.tls }),
      ...(target.inboxPrefix === undefined ? {} : { inboxPrefix: target.inboxPrefix }),
    });
  } catch (caught) {
    const why = caught instanceof Error ? caught.message : String(caught);
    throw unreachable(target.url, why, caught);
  }
}

/** Resolves once something at the address speaks first, as nats-server does; the socket is ours and gone afterwards. */
async function awaitGreeting(
  { url, tls }: LinkTarget,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const { host, port } = addressOf(url);
  const greeted = Promise.withResolvers<void>();
  const socket = connectTcp({ host, port });
  const onAbort = () => greeted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  const timer = setTimeout(
    () => greeted.reject(unreachable(url, `no answer within ${timeoutMs / 1_000} s`)),
    timeoutMs,
  );
  socket.on("error", (error) => greeted.reject(unreachable(url, error.message, error)));
  const onClose = () => greeted.reject(unreachable(url, "the connection was closed"));
  socket.once("close", onClose);
  socket.once("data", (greeting: Buffer) => {
    // From here on it may go as it likes.
    socket.off("close", onClose);
    if (!greeting.includes('"tls_required":true')) greeted.resolve();
    else void shakeHands(socket, tls).finally(() => greeted.resolve());
  });
  try {
    await greeted.promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
    socket.destroy();
  }
}

/**
 * A server with TLS logs an error for whoever leaves before the handshake. Resolves when it is over, however it went:
 * the verdict is the client's own handshake.
 */
async function shakeHands(socket: Socket, tls: LinkTarget["tls"]): Promise<void> {
  const over = Promise.withResolvers<void>();
  const options: TlsConnectionOptions = { ...tls, socket };
  const secure = connectTls(options, () => secure.end());
  // Without a reader the server's last words keep it from closing.
  secure.resume();
  secure.on("error", () => over.resolve());
  secure.once("close", () => over.resolve());
  await over.promise;
}

function addressOf(url: string): { host: string; port: number } {
  const parsed = new URL(url);
  return {
    host: parsed.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: parsed.port === "" ? defaultPort : Number(parsed.port),
  };
}

function unreachable(url: string, why: string, cause?: unknown): GatewayError {
  return new GatewayError("UPLINK_UNAVAILABLE", `No connection to nats-server at ${url}: ${why}`, { cause });
}

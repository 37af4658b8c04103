import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { GatewayError } from "../../src/domain/errors.ts";
import type { ReplayOptions } from "../site/replayer.ts";

/** A web server where the recorded camera was, without TLS. Rejects with CONFIG_INVALID where it can't listen. */
export async function listenAgain(
  recordedUrl: string,
  { host = "127.0.0.1", port }: ReplayOptions,
  onRequest?: RequestListener,
): Promise<{ readonly server: Server; readonly at: string }> {
  const recorded = new URL(recordedUrl);
  const wanted = port ?? Number(recorded.port === "" ? 80 : recorded.port);
  const server = createServer(onRequest);
  server.listen(wanted, host);
  try {
    await once(server, "listening");
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new GatewayError(
      "CONFIG_INVALID",
      `Can't listen on ${host}:${wanted}: ${why}. Choose another with --port.`,
      { cause },
    );
  }
  const { address, port: used } = server.address() as AddressInfo;
  const scheme = recorded.protocol.startsWith("ws") ? "ws" : "http";
  return { server, at: `${scheme}://${address}:${used}${recorded.pathname}` };
}

/** Ends the server and every connection of it. */
export async function closeAgain(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  server.closeAllConnections();
  await closed;
}

import type { IncomingMessage, Server as HttpServer } from "node:http";
import type { Server as HttpsServer } from "node:https";
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import { isLoopback } from "../adapter-kit/loopback.ts";
import type { ListenersOptions } from "./listeners.ts";

/** The subprotocols of MQTT over WebSocket: 3.1.1 (§6) and what came before. */
const subprotocols = ["mqtt", "mqttv3.1"];
const unsupportedData = 1003;

/**
 * Takes MQTT over WebSocket at an HTTP server: MQTT packets in binary messages, cut wherever the client likes
 * (MQTT 3.1.1 §6). The package is loaded only where a site listens for WebSockets.
 */
export async function acceptWebSockets(
  server: HttpServer | HttpsServer,
  { counters, messageBytes, open, accept }: ListenersOptions,
): Promise<void> {
  const { WebSocketServer, createWebSocketStream } = await import("ws");
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: messageBytes,
    perMessageDeflate: false,
    handleProtocols: (offered) => subprotocols.find((name) => offered.has(name)) ?? false,
  });
  server.on("request", (_request, response) => {
    response.writeHead(426, { "content-type": "text/plain", upgrade: "websocket" });
    response.end("MQTT over WebSocket is spoken here.\n");
  });
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => socket.destroy());
    if (!isWelcome(request, open)) {
      counters.rejected.origin += 1;
      socket.end("HTTP/1.1 403 Forbidden\r\nconnection: close\r\n\r\n");
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket: WebSocket) => {
      webSocket.on("message", (_data, isBinary) => {
        // MQTT-6.0.0-1: anything but binary ends the connection.
        if (!isBinary) webSocket.close(unsupportedData);
      });
      accept(createWebSocketStream(webSocket), request.socket.remoteAddress ?? "");
    });
  });
}

/**
 * A browser tells which page wants the connection. While nobody has to log in, only pages of this machine are let in:
 * else any page that its user looks at could write to the devices.
 */
function isWelcome(request: IncomingMessage, open: boolean): boolean {
  const offered = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
  if (!subprotocols.some((name) => offered.includes(name))) return false;
  const { origin } = request.headers;
  if (origin === undefined || !open) return true;
  const host = URL.canParse(origin) ? new URL(origin).hostname : "";
  return isLoopback(host.replaceAll(/[[\]]/g, ""));
}

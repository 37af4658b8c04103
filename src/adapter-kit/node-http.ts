import { once } from "node:events";
import type * as Http from "node:http";

/**
 * Node's HTTP. An `import` of `node:http` reads all that the module exports, and with it Node's own client for fetch and
 * WebSocket: 14 MB resident for a server that uses neither (Node.js 20 to 24). Asked for in this way it brings itself alone.
 */
export const http: typeof Http = process.getBuiltinModule("node:http");

/** What makes requests to the URL; Node's HTTPS is loaded with its first use (5 MB). */
export async function httpFor(url: string): Promise<Pick<typeof Http, "Agent" | "request">> {
  return url.startsWith("https:") ? import("node:https") : http;
}

/** Sends the request; resolves with its answer as soon as the head of it is there, rejects with what hinders it. */
export async function answerTo(request: Http.ClientRequest, body?: string): Promise<Http.IncomingMessage> {
  // What fails once the answer has begun shows in the answer.
  request.on("error", () => undefined);
  request.end(body);
  const [response] = (await once(request, "response")) as [Http.IncomingMessage];
  return response;
}

import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { http } from "../adapter-kit/node-http.ts";
import type { ListenAddress } from "../config/gateway-schema.ts";
import { GatewayError } from "../domain/errors.ts";
import { expositionType, renderMetrics, type Metric } from "./exposition.ts";
import type { Health } from "./health.ts";

export interface HttpEndpointOptions {
  readonly listen: ListenAddress;
  /** What says so: `\`http.listen\` in gateway.yaml`. */
  readonly listenKey: string;
  readonly health: () => Health;
  readonly metrics: () => Iterable<Metric>;
  /** Raw frames: what there is, as JSON, and a recording of one device, line by line. Absent: there are none here. */
  readonly frames?: {
    summary(): string;
    recording(device: string, incident?: number): readonly string[] | undefined;
  };
  /** Whether this caller may look; given the user and password of HTTP Basic, if any. */
  readonly authorise: (
    user: string | undefined,
    password: string | undefined,
    address: string,
  ) => Promise<boolean>;
}

function basicCredentials(request: IncomingMessage): [string, string] | undefined {
  const [scheme, encoded] = (request.headers.authorization ?? "").split(" ");
  if (scheme?.toLowerCase() !== "basic" || encoded === undefined) return undefined;
  const text = Buffer.from(encoded, "base64").toString();
  const colon = text.indexOf(":");
  return colon < 0 ? undefined : [text.slice(0, colon), text.slice(colon + 1)];
}

/** Serves `/healthz` (200 or 503, JSON), `/metrics` (Prometheus) and `/frames` (raw frames: JSON, NDJSON). */
export class HttpEndpoint {
  readonly #options: HttpEndpointOptions;
  #server: Server | undefined;

  constructor(options: HttpEndpointOptions) {
    this.#options = options;
  }

  /** The address in use once started. */
  get address(): ListenAddress {
    const bound = this.#server?.address() as AddressInfo | null | undefined;
    return { host: this.#options.listen.host, port: bound?.port ?? this.#options.listen.port };
  }

  async start(): Promise<void> {
    const { listen, listenKey } = this.#options;
    const { host, port } = listen;
    const server = http.createServer(
      { requestTimeout: 5_000, headersTimeout: 5_000 },
      (request, response) => {
        void this.#answer(request, response);
      },
    );
    server.maxConnections = 64;
    await new Promise<void>((resolve, reject) => {
      server.on("error", (cause: NodeJS.ErrnoException) => {
        const why = cause.code === "EADDRINUSE" ? "another program listens there" : cause.message;
        const message = `The HTTP listener can't open ${host}:${port}: ${why}. Check ${listenKey}.`;
        reject(new GatewayError("CONFIG_INVALID", message, { cause }));
      });
      server.listen(port, host, resolve);
    });
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [user, password] = basicCredentials(request) ?? [];
    const [path, query = ""] = (request.url ?? "/").split("?");
    const { authorise, health, metrics, frames } = this.#options;
    try {
      if (!(await authorise(user, password, request.socket.remoteAddress ?? ""))) {
        reply(response, 401, "text/plain", "Who are you? Use HTTP Basic with a user of gateway.yaml.\n", {
          "www-authenticate": 'Basic realm="linegate"',
        });
      } else if (request.method !== "GET" && request.method !== "HEAD")
        reply(response, 405, "text/plain", "Only GET.\n");
      else if (path === "/metrics") reply(response, 200, expositionType, renderMetrics(metrics()));
      else if (path === "/healthz") {
        const state = health();
        reply(response, state.ok ? 200 : 503, "application/json", `${JSON.stringify(state)}\n`);
      } else if (path === "/frames" && frames !== undefined)
        answerFrames(response, frames, new URLSearchParams(query));
      else {
        const there = frames === undefined ? "/healthz and /metrics" : "/healthz, /metrics and /frames";
        reply(response, 404, "text/plain", `There is ${there}.\n`);
      }
    } catch (caught) {
      reply(response, 500, "text/plain", `${caught instanceof Error ? caught.message : String(caught)}\n`);
    }
  }
}

function answerFrames(
  response: ServerResponse,
  frames: NonNullable<HttpEndpointOptions["frames"]>,
  asked: URLSearchParams,
): void {
  const device = asked.get("device");
  if (device === null) {
    reply(response, 200, "application/json", `${frames.summary()}\n`);
    return;
  }
  const incident = asked.get("incident");
  const lines = frames.recording(device, incident === null ? undefined : Number(incident));
  if (lines === undefined)
    reply(response, 404, "text/plain", "No such frames. /frames lists what there is.\n");
  else reply(response, 200, "application/x-ndjson", `${lines.join("\n")}\n`);
}

function reply(
  response: ServerResponse,
  status: number,
  type: string,
  body: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": type, "cache-control": "no-store", ...headers }).end(body);
}

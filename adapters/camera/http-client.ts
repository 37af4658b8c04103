import type { Agent, ClientRequest, IncomingMessage, request as Request } from "node:http";
import { GatewayError, httpFor, type AdapterContext } from "../../src/adapter-kit/index.ts";
import { readCredentials, readTls, type Credentials, type TlsOptions } from "./credentials.ts";
import { connectionFailure, placeOf, timedOut, tooLarge } from "./failures.ts";
import type { DialledConnection } from "./mapping.ts";
import { trace } from "./trace.ts";

/** Enough for a poll beside a snapshot; many cameras take no more. */
const mostSockets = 2;

export interface CameraRequest {
  readonly method?: "GET" | "POST" | "PUT";
  /** As the camera gave it with the last answer. */
  readonly etag?: string | undefined;
  readonly json?: string;
}

export interface CameraResponse {
  readonly status: number;
  /** In lower case, without parameters. */
  readonly contentType: string;
  readonly etag: string | undefined;
  readonly location: string | undefined;
  /** Of a 401. */
  readonly challenge: string | undefined;
  /** The request said who asks. */
  readonly authorised: boolean;
  readonly body: Buffer;
}

/**
 * HTTP requests to one camera over kept connections. Node's own client and not `fetch`: that one would load undici for
 * some MB more. Redirects are not followed: a camera's answer must not send the gateway, and its password, elsewhere.
 */
export class HttpClient {
  readonly #connection: DialledConnection;
  readonly #context: AdapterContext;
  #wire: Wire | undefined;
  #credentials: Credentials | undefined;
  #tls: TlsOptions = {};

  constructor(connection: DialledConnection, context: AdapterContext) {
    this.#connection = connection;
    this.#context = context;
  }

  /** Reads the secrets and certificates. Rejects with CONFIG_INVALID where one is missing. */
  async open(): Promise<void> {
    const { auth, tls, url } = this.#connection;
    const { files } = this.#context;
    this.#wire ??= await wireFor(url);
    [this.#credentials, this.#tls] = await Promise.all([readCredentials(auth, files), readTls(tls, files)]);
  }

  /** False before `open`, and after `close`. */
  get isOpen(): boolean {
    return this.#credentials !== undefined;
  }

  /** A reference in the mapping, relative to the connection's url. */
  url(reference: string | undefined): URL {
    return reference === undefined ? new URL(this.#connection.url) : new URL(reference, this.#connection.url);
  }

  /**
   * One request and its answer, whatever its status. A digest challenge is answered; a kept connection that the camera has
   * just closed costs a second try and no failure. Rejects with DEVICE_UNREACHABLE, DEVICE_TIMEOUT, DEVICE_REJECTED (TLS),
   * PROTOCOL_VIOLATION (no HTTP, too large), or the signal's reason.
   */
  async request(url: URL, options: CameraRequest, signal: AbortSignal): Promise<CameraResponse> {
    const credentials = this.#credentials;
    if (credentials === undefined) throw notConnected();
    const response = await this.#onceOrTwice(url, options, signal);
    if (response.status !== 401 || !credentials.accept(response.challenge, response.authorised))
      return response;
    return this.#onceOrTwice(url, options, signal);
  }

  /** Idempotent; leaves no socket. */
  close(): void {
    this.#credentials = undefined;
    this.#wire?.agent.destroy();
    this.#wire = undefined;
  }

  async #onceOrTwice(url: URL, options: CameraRequest, signal: AbortSignal): Promise<CameraResponse> {
    try {
      return await this.#once(url, options, signal);
    } catch (caught) {
      if (!(caught instanceof StaleSocket)) throw caught;
      return this.#once(url, options, signal, true);
    }
  }

  async #once(
    url: URL,
    { method = "GET", etag, json }: CameraRequest,
    signal: AbortSignal,
    fresh = false,
  ): Promise<CameraResponse> {
    signal.throwIfAborted();
    // What changes something is never sent twice: it has a connection of its own.
    const once = fresh || method !== "GET";
    const wire = this.#wire;
    if (wire === undefined) throw notConnected();
    const { clock, metrics } = this.#context;
    const { timeout, maxBytes } = this.#connection;
    const authorization = this.#credentials?.authorization(method, `${url.pathname}${url.search}`);
    const body = json === undefined ? undefined : Buffer.from(json);
    const headers = {
      accept: "*/*",
      "user-agent": "linegate",
      ...(etag === undefined ? {} : { "if-none-match": etag }),
      ...(body === undefined ? {} : { "content-type": "application/json", "content-length": body.length }),
      ...(authorization === undefined ? {} : { authorization }),
    };
    const startedAt = clock.monotonic();
    const sent = [`${method} ${url.pathname} HTTP/1.1`, `Host: ${url.host}`];
    if (etag !== undefined) sent.push(`If-None-Match: ${etag}`);
    const asked = { head: sent, body: body ?? Buffer.alloc(0), binary: false };
    trace(this.#context, "sent", placeOf(url), asked);
    const request = wire.ask(url, { method, headers, agent: once ? false : wire.agent, ...this.#tls });
    const response = await answerOf(request, { url, body, timeout, maxBytes, signal });
    metrics.request(method, clock.monotonic() - startedAt);
    const binary = response.contentType.startsWith("image/");
    const head = [`HTTP/1.1 ${response.status}`, `Content-Type: ${response.contentType}`];
    if (response.etag !== undefined) head.push(`ETag: ${response.etag}`);
    trace(this.#context, "received", placeOf(url), { head, body: response.body, binary });
    return response;
  }
}

/** How requests go out, and over which kept connections. */
interface Wire {
  readonly ask: typeof Request;
  readonly agent: Agent;
}

async function wireFor(url: string): Promise<Wire> {
  const options = {
    keepAlive: true,
    maxSockets: mostSockets,
    maxFreeSockets: 1,
    scheduling: "lifo",
  } as const;
  const { Agent: ItsAgent, request } = await httpFor(url);
  return { ask: request, agent: new ItsAgent(options) };
}

function notConnected(): GatewayError {
  return new GatewayError("DEVICE_UNREACHABLE", "The camera is not connected.");
}

/** The camera closed a kept connection while the request was on its way: nothing of the request was looked at. */
class StaleSocket {
  readonly cause: unknown;

  constructor(cause: unknown) {
    this.cause = cause;
  }
}

interface Asked {
  readonly url: URL;
  readonly body: Buffer | undefined;
  readonly timeout: number;
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

/** Sends the request; settles with its whole answer, within the timeout. */
function answerOf(request: ClientRequest, asked: Asked): Promise<CameraResponse> {
  const { url, body, timeout, maxBytes, signal } = asked;
  const { promise, resolve, reject } = Promise.withResolvers<CameraResponse>();
  const fail = (error: unknown) => {
    reject(error);
    request.destroy();
  };
  const abort = () => fail(signal.reason);
  const timer = setTimeout(() => fail(timedOut(url, timeout)), timeout);
  signal.addEventListener("abort", abort, { once: true });
  request.on("error", (caught) => {
    const { code } = caught as NodeJS.ErrnoException;
    const stale = request.reusedSocket && (code === "ECONNRESET" || code === "EPIPE");
    reject(stale ? new StaleSocket(caught) : connectionFailure(caught, url));
  });
  request.on("response", (response) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > maxBytes) fail(tooLarge(url, maxBytes));
      else chunks.push(chunk);
    });
    response.on("error", (caught) => reject(connectionFailure(caught, url)));
    response.on("end", () => resolve(toResponse(request, response, Buffer.concat(chunks))));
  });
  request.end(body);
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  });
}

function toResponse(
  request: ClientRequest,
  { statusCode = 0, headers }: IncomingMessage,
  body: Buffer,
): CameraResponse {
  return {
    status: statusCode,
    contentType: (headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "",
    etag: headers.etag,
    location: headers.location,
    challenge: headers["www-authenticate"],
    authorised: request.getHeader("authorization") !== undefined,
    body,
  };
}

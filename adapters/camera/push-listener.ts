import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { GatewayError, http, type Bus, type ListenAddress } from "../../src/adapter-kit/index.ts";

/** What a camera posted. */
export interface Post {
  readonly contentType: string;
  readonly body: Buffer;
}

/** What it is answered. */
export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** The camera that a path belongs to. */
export interface PushReceiver {
  readonly maxBytes: number;
  /** True where the post shows the right token. */
  mayPost(request: IncomingMessage, url: URL): boolean;
  /** Must not reject. */
  receive(post: Post): Promise<Answer>;
  /** Something was refused, by its HTTP status. */
  refused(status: number): void;
}

const mostConnections = 128;
/** Bodies that are under way, of all cameras together. */
const mostBufferedBytes = 67_108_864;
const headersWithinMs = 5_000;
/** A camera on a slow radio link has this long for a whole post. */
const postWithinMs = 30_000;
const keepAliveMs = 60_000;

/** The HTTP listener for all cameras that post to one address. */
export class PushListener implements Bus {
  readonly #address: ListenAddress;
  readonly #receivers = new Map<string, PushReceiver>();
  #opening: Promise<Server> | undefined;
  #buffered = 0;

  constructor(address: ListenAddress) {
    this.#address = address;
  }

  /** Listens, where it does not yet; gives the port. Rejects with DEVICE_UNREACHABLE where the port can't be had. */
  async open(): Promise<number> {
    this.#opening ??= this.#listen();
    try {
      const address = (await this.#opening).address();
      return typeof address === "object" && address !== null ? address.port : this.#address.port;
    } catch (caught) {
      this.#opening = undefined;
      throw caught;
    }
  }

  /** Returns the way to stop. Throws CONFIG_INVALID where another camera has the path. */
  add(path: string, receiver: PushReceiver): () => void {
    if (this.#receivers.has(path)) {
      const place = `${this.#address.host}:${this.#address.port}${path}`;
      throw new GatewayError(
        "CONFIG_INVALID",
        `Two cameras post to ${place}. Give one of them another path.`,
      );
    }
    this.#receivers.set(path, receiver);
    return () => {
      if (this.#receivers.get(path) === receiver) this.#receivers.delete(path);
    };
  }

  async close(): Promise<void> {
    const opening = this.#opening;
    this.#opening = undefined;
    const server = await opening?.catch(() => undefined);
    if (server === undefined) return;
    const closed = Promise.withResolvers<void>();
    server.close(() => closed.resolve());
    server.closeAllConnections();
    await closed.promise;
  }

  #listen(): Promise<Server> {
    const { host, port } = this.#address;
    const server = http.createServer(
      {
        headersTimeout: headersWithinMs,
        requestTimeout: postWithinMs,
        keepAliveTimeout: keepAliveMs,
        connectionsCheckingInterval: 1_000,
      },
      (request, response) => void this.#take(request, response),
    );
    server.maxConnections = mostConnections;
    const { promise, resolve, reject } = Promise.withResolvers<Server>();
    // Also heard later: an error of accepting a connection must not end the gateway.
    server.on("error", (cause) => {
      reject(
        new GatewayError(
          "DEVICE_UNREACHABLE",
          `The gateway can't listen for cameras on ${host}:${port}: ${cause.message}. Is another program there? Choose another \`listen\`.`,
          { cause },
        ),
      );
    });
    server.listen(port, host, () => resolve(server));
    return promise;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    request.on("error", () => undefined);
    const url = URL.parse(request.url ?? "/", "http://gateway");
    const receiver = url === null ? undefined : this.#receivers.get(url.pathname);
    if (url === null || receiver === undefined) {
      return answer(request, response, 404, "No camera is configured to post here. Check the path.");
    }
    const refuse = (status: number, text: string) => {
      receiver.refused(status);
      answer(request, response, status, text);
    };
    if (request.method !== "POST" && request.method !== "PUT") {
      response.setHeader("allow", "POST, PUT");
      return refuse(405, "Results are posted here. Use POST.");
    }
    if (!receiver.mayPost(request, url)) {
      response.setHeader("www-authenticate", 'Bearer realm="linegate"');
      return refuse(401, "The token is missing or wrong.");
    }
    const body = await this.#bodyOf(request, receiver.maxBytes);
    if (body === "gone") return;
    if (body === "too-large") return refuse(413, `A post here has ${receiver.maxBytes} bytes at most.`);
    if (body === "busy") return refuse(503, "Too much is being posted at once. Try again.");
    const { status, text } = await receiver.receive({
      contentType: request.headers["content-type"] ?? "",
      body,
    });
    answer(request, response, status, text);
  }

  async #bodyOf(request: IncomingMessage, maxBytes: number): Promise<Buffer | "too-large" | "busy" | "gone"> {
    if (Number(request.headers["content-length"] ?? 0) > maxBytes) return "too-large";
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const chunk of request as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        this.#buffered += chunk.length;
        if (bytes > maxBytes) return "too-large";
        if (this.#buffered > mostBufferedBytes) return "busy";
        chunks.push(chunk);
      }
      return Buffer.concat(chunks);
    } catch {
      return "gone";
    } finally {
      this.#buffered -= bytes;
    }
  }
}

/** What is left of a refused body is not read: the connection ends with the answer. */
function answer(request: IncomingMessage, response: ServerResponse, status: number, text: string): void {
  if (response.destroyed) return;
  if (!request.complete) response.setHeader("connection", "close");
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" });
  response.end(`${text}\n`);
}

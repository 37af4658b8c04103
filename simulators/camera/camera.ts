import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";
import { GateKeeper, type Gate } from "./gate.ts";

/** What a camera can be made to do wrong, until `heal`. */
export type CameraFault =
  | "status-500"
  | "status-404"
  | "slow"
  | "half-body"
  | "reset"
  | "wrong-length"
  | "garbage"
  | "huge"
  | "silent"
  | "redirect"
  | "not-http";

export const cameraFaults: readonly CameraFault[] = [
  "status-500",
  "status-404",
  "slow",
  "half-body",
  "reset",
  "wrong-length",
  "garbage",
  "huge",
  "silent",
  "redirect",
  "not-http",
];

export interface CameraOptions {
  readonly host?: string;
  /** 0, a free one, by default. */
  readonly port?: number;
  readonly gate?: Gate;
  /** PEM. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** What stands at a path: a result, made anew for each request; undefined where there is none. */
  readonly result: (path: string) => unknown;
  /** The image at a path; undefined where there is none. */
  readonly image?: (path: string) => Buffer | undefined;
  /** Takes what is posted or put. */
  readonly onWrite?: (path: string, value: unknown) => void;
  /** Answers `slow`ly by so much, in ms. */
  readonly slowMs?: number;
}

/** A camera on the wire: results with ETags and images over HTTP, results and images streamed over WebSocket. */
export class CameraSimulator {
  readonly #options: CameraOptions;
  readonly #server: Server;
  readonly #streams = new WebSocketServer({ noServer: true });
  readonly #sockets = new Set<Socket>();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #gate: GateKeeper | undefined;
  #fault: CameraFault | undefined;
  #faultyPath: string | undefined;
  /** Requests and connections so far. */
  contacts = 0;
  /** Of them, those that met with the fault. */
  bitten = 0;
  /** Answers with 304. */
  unchanged = 0;
  /** What streaming clients have sent. */
  readonly heard: string[] = [];

  private constructor(options: CameraOptions) {
    this.#options = options;
    this.#gate = options.gate === undefined ? undefined : new GateKeeper(options.gate);
    const take = (request: IncomingMessage, response: ServerResponse) => this.#take(request, response);
    this.#server = options.tls === undefined ? createServer(take) : createTlsServer(options.tls, take);
    const keep = (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("error", () => undefined);
    };
    this.#server.on("connection", keep);
    this.#server.on("upgrade", (request: IncomingMessage, socket: Socket, head: Buffer) =>
      this.#upgrade(request, socket, head),
    );
    this.#streams.on("connection", (stream: WebSocket) => {
      stream.on("error", () => undefined);
      stream.on("message", (data: Buffer) => void this.heard.push(data.toString("utf8")));
    });
  }

  /** Rejects where the port is taken. */
  static async start(options: CameraOptions): Promise<CameraSimulator> {
    const camera = new CameraSimulator(options);
    await camera.listen(options.port ?? 0);
    return camera;
  }

  async listen(port: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", reject);
    this.#server.listen(port, this.#options.host ?? "127.0.0.1", resolve);
    await promise;
    this.#server.off("error", reject);
  }

  get host(): string {
    return this.#options.host ?? "127.0.0.1";
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Such as `http://127.0.0.1:40123`. */
  get origin(): string {
    return `${this.#options.tls === undefined ? "http" : "https"}://${this.host}:${this.port}`;
  }

  /** How many clients stream. */
  get listeners(): number {
    return this.#streams.clients.size;
  }

  /** @param path the one that suffers; absent: all */
  suffer(fault: CameraFault, path?: string): void {
    this.#fault = fault;
    this.#faultyPath = path;
    this.bitten = 0;
    if (fault === "silent") for (const socket of this.#sockets) socket.pause();
  }

  heal(): void {
    this.#fault = undefined;
    for (const socket of this.#sockets) socket.resume();
  }

  /** Sends to all that stream: a result, and its image behind it. */
  stream(result: unknown, image?: Buffer): void {
    const fault = this.#fault;
    if (fault !== undefined && this.#streams.clients.size > 0) this.bitten += 1;
    for (const client of this.#streams.clients) {
      if (fault === "silent") continue;
      if (fault === "garbage") client.send("<html>no result</html>");
      else if (fault === "huge") client.send(Buffer.alloc(2_000_000, 32).toString("latin1"));
      else {
        client.send(JSON.stringify(result));
        if (image !== undefined) client.send(image);
      }
    }
  }

  /** Breaks all connections, as a restart of the camera does. */
  disconnect(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Idempotent; leaves no timer and no socket. */
  async stop(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    for (const client of this.#streams.clients) client.terminate();
    this.disconnect();
    if (!this.#server.listening) return;
    const closed = Promise.withResolvers<void>();
    this.#server.close(() => closed.resolve());
    await closed.promise;
  }

  #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    this.contacts += 1;
    const challenge = this.#gate?.check(request);
    if (challenge !== undefined) {
      socket.end(`HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: ${challenge}\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    if (this.#fault === "silent") return;
    if (this.#options.result(pathOf(request)) === undefined) {
      socket.end("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    this.#streams.handleUpgrade(request, socket, head, (client) =>
      this.#streams.emit("connection", client, request),
    );
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    this.contacts += 1;
    const challenge = this.#gate?.check(request);
    if (challenge !== undefined) {
      request.resume();
      response.writeHead(401, { "www-authenticate": challenge, "content-length": 0 }).end();
      return;
    }
    if (request.method === "POST" || request.method === "PUT") this.#write(request, response);
    else if (this.#fault === undefined || (this.#faultyPath ?? pathOf(request)) !== pathOf(request))
      this.#answer(request, response);
    else this.#misbehave(this.#fault, request, response);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = pathOf(request);
    const image = this.#options.image?.(path);
    const result = image === undefined ? this.#options.result(path) : undefined;
    if (image === undefined && result === undefined) {
      response.writeHead(404, { "content-type": "text/html" }).end("<html>not here</html>");
      return;
    }
    const body = image ?? Buffer.from(JSON.stringify(result));
    const etag = `"${createHash("sha1").update(body).digest("hex")}"`;
    if (request.headers["if-none-match"] === etag) {
      this.unchanged += 1;
      response.writeHead(304, { etag }).end();
      return;
    }
    const type = image === undefined ? "application/json; charset=utf-8" : "image/png";
    response.writeHead(200, { "content-type": type, "content-length": body.length, etag }).end(body);
  }

  #misbehave(fault: CameraFault, request: IncomingMessage, response: ServerResponse): void {
    this.bitten += 1;
    const json = { "content-type": "application/json" };
    switch (fault) {
      case "status-500":
        return void response.writeHead(500).end("internal error");
      case "status-404":
        return void response.writeHead(404).end("not found");
      case "redirect":
        return void response.writeHead(302, { location: "http://elsewhere.invalid/results?token=1" }).end();
      case "garbage":
        return void response.writeHead(200, json).end('{"result": ');
      case "huge":
        return void response.writeHead(200, json).end(Buffer.alloc(2_000_000, 32));
      case "half-body":
        response.writeHead(200, { ...json, "content-length": 1_000 });
        response.write('{"result": 1', () => response.destroy());
        return;
      case "reset":
        return void request.socket.resetAndDestroy();
      case "wrong-length":
        response.writeHead(200, { ...json, "content-length": 3 });
        return void request.socket.end('{"result": 1, "part": "P-1"}');
      case "not-http":
        return void request.socket.end("SSH-2.0-camera\r\n");
      case "silent":
        return;
      case "slow": {
        const timer = setTimeout(() => {
          this.#timers.delete(timer);
          if (!response.destroyed) this.#answer(request, response);
        }, this.#options.slowMs ?? 1_000);
        this.#timers.add(timer);
      }
    }
  }

  #write(request: IncomingMessage, response: ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("error", () => undefined);
    request.on("end", () => {
      const path = pathOf(request);
      try {
        const value = JSON.parse(Buffer.concat(chunks).toString("utf8")) as unknown;
        if (this.#options.onWrite === undefined) response.writeHead(405).end();
        else {
          this.#options.onWrite(path, value);
          response.writeHead(204).end();
        }
      } catch {
        response.writeHead(400).end();
      }
    });
  }
}

function pathOf({ url = "/" }: IncomingMessage): string {
  return url.split("?")[0] ?? "/";
}

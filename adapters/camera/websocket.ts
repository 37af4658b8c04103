import type { RawData, WebSocket } from "ws";
import {
  GatewayError,
  type Adapter,
  type AdapterContext,
  type ImageReference,
} from "../../src/adapter-kit/index.ts";
import { readCredentials, readTls } from "./credentials.ts";
import { connectionFailure, notJson, placeOf, statusFailure, timedOut } from "./failures.ts";
import { ImageSink } from "./image-sink.ts";
import { snapshotConnection, type CameraDevice, type WebSocketConnection } from "./mapping.ts";
import { contentOf, eventOf, resultTags, samplesOf, type Content, type ResultTag } from "./result.ts";
import { SingleFlight } from "./single-flight.ts";
import { binaryMark, trace } from "./trace.ts";
import { TriggeredSnapshots, type Snapshot } from "./triggered-snapshots.ts";

/** An image that belongs to a result comes this soon after it. */
const imageWithinMs = 1_000;

/** A camera that streams its results as JSON messages, and its images as binary ones. */
export class WebSocketCamera implements Adapter {
  readonly #device: CameraDevice<WebSocketConnection>;
  readonly #context: AdapterContext;
  readonly #tags: readonly ResultTag[];
  readonly #images: ImageSink;
  readonly #storing: SingleFlight;
  readonly #snapshots: TriggeredSnapshots | undefined;
  readonly #url: URL;
  #socket: WebSocket | undefined;
  #malformedTold = false;
  /** A result that waits for its image. */
  #waiting: { readonly content: Content; readonly timer: NodeJS.Timeout } | undefined;

  constructor(device: CameraDevice<WebSocketConnection>, context: AdapterContext) {
    this.#device = device;
    this.#context = context;
    this.#tags = resultTags(device.tags);
    const tag = device.tags.find(({ options }) => options.image)?.name;
    this.#images = new ImageSink({ device: device.device, tag, context });
    this.#storing = new SingleFlight(device.device, context);
    this.#url = new URL(device.connection.url);
    const { snapshot } = device.options;
    const connection = snapshot && snapshotConnection(device.connection, snapshot);
    this.#snapshots =
      connection &&
      new TriggeredSnapshots({ device: device.device, snapshot, connection, images: this.#images, context });
  }

  async connect(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { auth, tls, subprotocol, maxBytes, timeout } = this.#device.connection;
    const { files } = this.#context;
    const [credentials, tlsOptions, { WebSocket: Socket }] = await Promise.all([
      readCredentials(auth, files),
      readTls(tls, files),
      import("ws"),
      this.#snapshots?.open(),
    ]);
    signal.throwIfAborted();
    const authorization = credentials.authorization("GET", this.#url.pathname);
    const socket = new Socket(this.#url, subprotocol === undefined ? [] : [subprotocol], {
      headers: { "user-agent": "linegate", ...(authorization === undefined ? {} : { authorization }) },
      maxPayload: maxBytes,
      perMessageDeflate: false,
      followRedirects: false,
      ...tlsOptions,
    });
    this.#socket = socket;
    await this.#opened(socket, timeout, signal);
  }

  async run(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const socket = this.#socket;
    if (socket === undefined) throw new GatewayError("DEVICE_UNREACHABLE", "The camera is not connected.");
    // It may have been closed before anybody listened here.
    if (socket.readyState !== socket.OPEN) throw this.#closed(1006, "");
    const ended = Promise.withResolvers<never>();
    ended.promise.catch(() => undefined);
    const abort = () => ended.reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    socket.on("error", (caught) => ended.reject(this.#failure(caught)));
    socket.on("close", (code, reason) => ended.reject(this.#closed(code, reason.toString("utf8"))));
    socket.on("message", (data: RawData, binary: boolean) => this.#take(bytesOf(data), binary, signal));
    socket.resume();
    const { subscribe } = this.#device.connection;
    if (subscribe !== undefined) {
      this.#context.trace("sent", placeOf(this.#url), Buffer.from(subscribe));
      socket.send(subscribe);
    }
    const pinging = this.#keepPinging(socket);
    const unwatch = this.#snapshots?.watch(signal);
    try {
      await ended.promise;
    } finally {
      signal.removeEventListener("abort", abort);
      clearInterval(pinging);
      unwatch?.();
      this.#drop();
      socket.terminate();
    }
  }

  async close(): Promise<void> {
    this.#drop();
    this.#snapshots?.close();
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined || socket.readyState === socket.CLOSED) return;
    const closed = Promise.withResolvers<void>();
    socket.once("close", () => closed.resolve());
    socket.terminate();
    await closed.promise;
  }

  async #opened(socket: WebSocket, timeoutMs: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const fail = (error: unknown) => {
      reject(error);
      socket.terminate();
    };
    const abort = () => fail(signal.reason);
    const timer = setTimeout(() => fail(timedOut(this.#url, timeoutMs)), timeoutMs);
    signal.addEventListener("abort", abort, { once: true });
    socket.once("open", () => {
      // Nothing is read before somebody listens; a message may have come in one piece with the answer.
      socket.pause();
      resolve();
    });
    socket.on("error", (caught) => reject(this.#failure(caught)));
    socket.once("unexpected-response", (request, { statusCode = 0, headers }) => {
      const failure = statusFailure(statusCode, this.#url, headers.location);
      fail(failure ?? this.#failure(`it answers ${statusCode}`));
      request.destroy();
    });
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    }
  }

  /** A camera that answers no ping within the next interval is gone, whatever TCP thinks. */
  #keepPinging(socket: WebSocket): NodeJS.Timeout {
    const { clock, metrics } = this.#context;
    let sentAt: number | undefined;
    socket.on("pong", () => {
      if (sentAt !== undefined) metrics.request("ping", clock.monotonic() - sentAt);
      sentAt = undefined;
    });
    return setInterval(() => {
      if (sentAt !== undefined) {
        metrics.fault("timeout");
        socket.emit("error", timedOut(this.#url, this.#device.connection.ping));
        return;
      }
      sentAt = clock.monotonic();
      socket.ping();
    }, this.#device.connection.ping);
  }

  #take(bytes: Buffer, binary: boolean, signal: AbortSignal): void {
    if (signal.aborted) return;
    const { clock, metrics } = this.#context;
    const channel = `${placeOf(this.#url)}${binary ? binaryMark : ""}`;
    trace(this.#context, "received", channel, { head: [], body: bytes, binary });
    if (binary) {
      this.#takeImage(bytes, signal);
      return;
    }
    const content = contentOf(bytes);
    if (content.bad !== undefined) this.#malformed(bytes);
    const judging = { now: clock.now(), onBadTimestamp: () => metrics.fault("timestamp") };
    this.#context.emit(samplesOf(this.#tags, content, judging));
    if (content.bad !== undefined) return;
    this.#goOn();
    const snapshot = this.#snapshots?.claim();
    if (this.#device.options.event?.image !== true) return this.#publish(content, undefined, snapshot);
    if (snapshot !== undefined) {
      void snapshot.image.then((image) => signal.aborted || this.#publish(content, image, snapshot));
      return;
    }
    this.#waiting = { content, timer: setTimeout(() => this.#goOn(), imageWithinMs) };
  }

  #takeImage(image: Buffer, signal: AbortSignal): void {
    const waiting = this.#waiting;
    if (waiting !== undefined) clearTimeout(waiting.timer);
    this.#waiting = undefined;
    const taken = this.#storing.run(async () => {
      const reference = await this.#images.put(image, "", signal).catch(() => null);
      if (waiting !== undefined && !signal.aborted) this.#publish(waiting.content, reference);
    });
    if (!taken && waiting !== undefined) this.#publish(waiting.content, null);
  }

  /** The result that waits for an image goes out without one. */
  #goOn(): void {
    const waiting = this.#waiting;
    this.#drop();
    if (waiting !== undefined) this.#publish(waiting.content, null);
  }

  #publish(content: Content, image: ImageReference | null | undefined, snapshot?: Snapshot): void {
    const { event } = this.#device.options;
    if (event === undefined) return;
    const { clock, metrics } = this.#context;
    const judging = { now: clock.now(), onBadTimestamp: () => metrics.fault("timestamp") };
    this.#context.event(eventOf(event, { content, image, trigger: snapshot?.trigger }, judging));
  }

  #drop(): void {
    clearTimeout(this.#waiting?.timer);
    this.#waiting = undefined;
  }

  /** Counted each time, told once a connection. */
  #malformed(bytes: Buffer): void {
    this.#context.metrics.fault("malformed-payload");
    if (this.#malformedTold) return;
    this.#malformedTold = true;
    const { message, context } = notJson(placeOf(this.#url), bytes);
    this.#context.log.warn({ device: this.#device.device, ...context }, message);
  }

  #failure(caught: unknown): GatewayError {
    if (caught instanceof GatewayError) return caught;
    const code = (caught as NodeJS.ErrnoException | undefined)?.code ?? "";
    if (!code.startsWith("WS_ERR")) return connectionFailure(caught, this.#url);
    const { maxBytes } = this.#device.connection;
    const what =
      code === "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH"
        ? `sends a message of more than ${maxBytes} bytes. Allow more with \`maxBytes\`, or check the url`
        : `breaks the WebSocket protocol (${code}). Check the url and the camera's firmware`;
    return new GatewayError("PROTOCOL_VIOLATION", `${placeOf(this.#url)} ${what}.`, { cause: caught });
  }

  #closed(code: number, reason: string): GatewayError {
    const why = reason === "" ? `code ${code}` : `code ${code}, ${reason}`;
    return new GatewayError(
      "DEVICE_UNREACHABLE",
      `${placeOf(this.#url)} closed the connection (${why}). Check the camera, and how many clients it allows.`,
    );
  }
}

function bytesOf(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}

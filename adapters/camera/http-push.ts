import { timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Adapter, AdapterContext, BusLease, ImageReference } from "../../src/adapter-kit/index.ts";
import { ImageSink, imageType } from "./image-sink.ts";
import { pathOf, snapshotConnection, type CameraDevice, type HttpPushConnection } from "./mapping.ts";
import { boundaryOf, partsOf, type Part } from "./multipart.ts";
import { PushListener, type Answer, type Post } from "./push-listener.ts";
import { contentOf, eventOf, resultTags, samplesOf, type Content, type ResultTag } from "./result.ts";
import { trace } from "./trace.ts";
import { TriggeredSnapshots } from "./triggered-snapshots.ts";

/** A camera that posts its results, with or without an image, to the gateway. */
export class HttpPushCamera implements Adapter {
  readonly #device: CameraDevice<HttpPushConnection>;
  readonly #context: AdapterContext;
  readonly #tags: readonly ResultTag[];
  readonly #images: ImageSink;
  readonly #snapshots: TriggeredSnapshots | undefined;
  #lease: BusLease<PushListener> | undefined;
  #token: string | undefined;

  constructor(device: CameraDevice<HttpPushConnection>, context: AdapterContext) {
    this.#device = device;
    this.#context = context;
    this.#tags = resultTags(device.tags);
    const tag = device.tags.find(({ options }) => options.image)?.name;
    this.#images = new ImageSink({ device: device.device, tag, context });
    const { snapshot } = device.options;
    const connection = snapshot && snapshotConnection(device.connection, snapshot);
    this.#snapshots =
      connection &&
      new TriggeredSnapshots({ device: device.device, snapshot, connection, images: this.#images, context });
  }

  /** Opens the listener, where no other camera has. */
  async connect(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { listen, token } = this.#device.connection;
    if (token !== undefined) this.#token = await this.#context.files.secret(token);
    await this.#snapshots?.open();
    const key = `camera-push ${listen.host}:${listen.port}`;
    this.#lease = this.#context.bus(key, () => new PushListener(listen));
    const port = await this.#lease.bus.open();
    this.#context.log.debug({ device: this.#device.device, port }, "waits for the camera's posts");
    signal.throwIfAborted();
  }

  async run(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { metrics } = this.#context;
    const remove = this.#lease?.bus.add(pathOf(this.#device), {
      maxBytes: this.#device.connection.maxBytes,
      mayPost: (request, url) => this.#mayPost(request, url),
      receive: (post) => this.#receive(post, signal),
      refused: (status) => metrics.fault(`http-${status}`),
    });
    const unwatch = this.#snapshots?.watch(signal);
    const ended = Promise.withResolvers<void>();
    signal.addEventListener("abort", () => ended.resolve(), { once: true });
    await ended.promise;
    unwatch?.();
    remove?.();
    signal.throwIfAborted();
  }

  async close(): Promise<void> {
    const lease = this.#lease;
    this.#lease = undefined;
    this.#snapshots?.close();
    await lease?.release();
  }

  #mayPost({ headers }: IncomingMessage, url: URL): boolean {
    const token = this.#token;
    if (token === undefined) return true;
    switch (this.#device.connection.tokenIn) {
      case "authorization":
        return same(/^Bearer (.+)$/i.exec(headers.authorization ?? "")?.[1], token);
      case "x-token":
        return same(headers["x-token"], token);
      case "query":
        return same(url.searchParams.get("token") ?? undefined, token);
    }
  }

  /** Results become readings at once; the answer waits for the image, but never long. */
  async #receive({ contentType, body }: Post, signal: AbortSignal): Promise<Answer> {
    const { metrics, clock } = this.#context;
    const startedAt = clock.monotonic();
    const type = (contentType.split(";")[0] ?? "").trim().toLowerCase();
    const binary = type.startsWith("image/") || type.startsWith("multipart/");
    const head = [`Content-Type: ${contentType}`];
    trace(this.#context, "received", pathOf(this.#device), { head, body, binary });
    const taken = takeApart(type, contentType, body);
    if (typeof taken === "string") {
      metrics.fault("malformed-payload");
      return { status: 400, text: taken };
    }
    const { content, image } = taken;
    const judging = { now: clock.now(), onBadTimestamp: () => metrics.fault("timestamp") };
    if (content !== undefined) this.#context.emit(samplesOf(this.#tags, content, judging));
    try {
      const reference =
        image === undefined ? undefined : await this.#images.put(image.body, image.contentType, signal);
      if (content !== undefined) this.#publish(content, reference, signal);
      metrics.request("post", clock.monotonic() - startedAt);
      return { status: 200, text: reference === null ? "taken, without the image" : "taken" };
    } catch {
      return { status: 503, text: "The gateway is being stopped." };
    }
  }

  /** The event has the image that came with the result, else that of the snapshot that it belongs to; nobody waits for that one. */
  #publish(content: Content, came: ImageReference | null | undefined, signal: AbortSignal): void {
    const { event } = this.#device.options;
    if (event === undefined) return;
    const { metrics, clock } = this.#context;
    const judging = { now: clock.now(), onBadTimestamp: () => metrics.fault("timestamp") };
    const snapshot = this.#snapshots?.claim();
    const tell = (image: ImageReference | null) => {
      if (signal.aborted) return;
      const wanted = event.image ? image : undefined;
      this.#context.event(eventOf(event, { content, image: wanted, trigger: snapshot?.trigger }, judging));
    };
    if (came !== undefined || snapshot === undefined || !event.image) tell(came ?? null);
    else void snapshot.image.then(tell);
  }
}

interface Taken {
  readonly content: Content | undefined;
  readonly image: Part | undefined;
}

/** The result and the image of a post, or what is wrong with it. */
function takeApart(type: string, contentType: string, body: Buffer): Taken | string {
  if (type.startsWith("multipart/")) return takeParts(contentType, body);
  if (imageType(type, body) !== undefined) return { content: undefined, image: { contentType: type, body } };
  const content = contentOf(body);
  if (content.bad === "PayloadTooLarge") return "A result has 1 MiB at most.";
  if (content.bad === undefined) return { content, image: undefined };
  return "Expected a result as JSON, an image, or multipart with both; this is none of them.";
}

function takeParts(contentType: string, body: Buffer): Taken | string {
  const boundary = boundaryOf(contentType);
  const parts = boundary === undefined ? undefined : partsOf(body, boundary);
  if (parts === undefined)
    return "The multipart body is cut off, has too many parts, or its boundary is wrong.";
  const image = parts.find((part) => imageType(part.contentType, part.body) !== undefined);
  const results = parts.filter(
    (part) => part !== image && imageType(part.contentType, part.body) === undefined,
  );
  const named = results.find((part) => part.contentType.endsWith("json")) ?? results[0];
  const content = named === undefined ? undefined : contentOf(named.body);
  if (content?.bad !== undefined) return "The part with the result is no JSON, or larger than 1 MiB.";
  if (content === undefined && image === undefined) return "There is neither a result nor an image in it.";
  return { content, image };
}

function same(shown: string | readonly string[] | undefined, token: string): boolean {
  const [left, right] = [Buffer.from(typeof shown === "string" ? shown : ""), Buffer.from(token)];
  return left.length === right.length && timingSafeEqual(left, right);
}

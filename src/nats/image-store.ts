import { createHash } from "node:crypto";
import { headers, nuid, type MsgHdrs } from "@nats-io/transport-node";
import type { Clock } from "../adapter-kit/clock.ts";
import type { ImageReference, ImageStore } from "../adapter-kit/images.ts";
import type { ImagesConfig } from "../config/gateway-schema.ts";
import { GatewayError } from "../domain/errors.ts";
import { ImageBucket } from "./image-bucket.ts";
import { JetStreamApi } from "./jetstream-api.ts";
import type { NatsLink } from "./link.ts";

/** As the clients of NATS cut their objects. */
const chunkBytes = 131_072;
const requestWithinMs = 2_000;
/** Images that wait for others to be stored: beyond this, new ones are refused. */
const mostWaitingBytes = 33_554_432;

export interface NatsImageStoreOptions {
  readonly config: ImagesConfig;
  readonly link: Pick<NatsLink, "request">;
  readonly clock: Clock;
}

/**
 * Images as objects of a NATS object store (ADR-20 of NATS), so that the object store API of any client reads them: chunks on
 * `$O.<bucket>.C.<nuid>`, then the metadata on `$O.<bucket>.M.<name in base64url>`, which makes the object visible.
 * One image at a time, so that an object's messages stand together in the stream.
 */
export class NatsImageStore implements ImageStore {
  readonly #options: NatsImageStoreOptions;
  readonly #api: JetStreamApi;
  readonly #bucket: ImageBucket;
  #last: Promise<unknown> = Promise.resolve();
  #waitingBytes = 0;

  constructor(options: NatsImageStoreOptions) {
    this.#options = options;
    const { link, config } = options;
    this.#api = new JetStreamApi((subject, payload, header) =>
      link.request(subject, payload, requestWithinMs, header),
    );
    this.#bucket = new ImageBucket(this.#api, config);
  }

  async put(
    key: string,
    image: Uint8Array,
    contentType: string,
    signal: AbortSignal,
  ): Promise<ImageReference> {
    signal.throwIfAborted();
    if (this.#waitingBytes + image.length > mostWaitingBytes) {
      throw new GatewayError(
        "STORE_FULL",
        "Images come faster than nats-server stores them: one was dropped.",
      );
    }
    this.#waitingBytes += image.length;
    const stored = this.#last.then(() => this.#store(key, image, contentType, signal));
    this.#last = stored
      .catch(() => undefined)
      .then(() => {
        this.#waitingBytes -= image.length;
      });
    return orAborted(stored, signal);
  }

  async #store(
    key: string,
    image: Uint8Array,
    contentType: string,
    signal: AbortSignal,
  ): Promise<ImageReference> {
    signal.throwIfAborted();
    const { bucket } = this.#options.config;
    const id = nuid.next();
    const chunks = Math.ceil(image.length / chunkBytes);
    await this.#bucket.makeRoom(image.length, chunks);
    // One after the other: each is acknowledged before the next is sent, and nothing piles up in the client.
    for (let at = 0; at < image.length; at += chunkBytes) {
      signal.throwIfAborted();
      await this.#api.publish(`$O.${bucket}.C.${id}`, image.subarray(at, at + chunkBytes));
    }
    const digest = createHash("sha256").update(image).digest();
    const info = {
      name: key,
      description: "",
      headers: { "Content-Type": [contentType] },
      options: { max_chunk_size: chunkBytes },
      bucket,
      nuid: id,
      size: image.length,
      chunks,
      digest: `SHA-256=${padded(digest.toString("base64url"))}`,
      mtime: new Date(this.#options.clock.now()).toISOString(),
      deleted: false,
    };
    const name = padded(Buffer.from(key).toString("base64url"));
    await this.#api.publish(`$O.${bucket}.M.${name}`, JSON.stringify(info), rollUp());
    return { bucket, key, sha256: digest.toString("hex"), bytes: image.length, contentType };
  }
}

/** Of two objects with one name the newer one counts. */
function rollUp(): MsgHdrs {
  const header = headers();
  header.set("Nats-Rollup", "sub");
  return header;
}

/** The clients pad their base64url, and compare names and digests with it. */
function padded(base64: string): string {
  return base64.padEnd(Math.ceil(base64.length / 4) * 4, "=");
}

/** What is already on its way goes on; who asked need not wait for it. */
async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
    work.catch(() => undefined);
  }
}

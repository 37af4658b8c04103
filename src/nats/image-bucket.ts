import type { ImagesConfig } from "../config/gateway-schema.ts";
import { GatewayError } from "../domain/errors.ts";
import type { JetStreamApi, StreamConfig, StreamInfo } from "./jetstream-api.ts";

/** What an object takes beside its bytes, in each chunk's record and subject and in its metadata: no more and no less than this. */
const most = { chunk: 256, metadata: 1_024 };
const least = { chunk: 60, metadata: 300 };
/** A bucket smaller than this is no use. */
const leastBytes = 4_000_000;

/** What of an object's metadata is looked at. */
interface ObjectSize {
  readonly size?: number;
  readonly chunks?: number;
}

/**
 * The stream behind the object store. A stream that discards old messages by itself takes the chunks of an object and leaves
 * the metadata, and readers get half an image. Here it refuses new ones instead (`discard: new`), and before each image the
 * oldest objects are removed whole, in one step of the server: all messages before the one behind an object's metadata.
 */
export class ImageBucket {
  readonly #api: JetStreamApi;
  readonly #config: ImagesConfig;
  #fitted = false;

  constructor(api: JetStreamApi, config: ImagesConfig) {
    this.#api = api;
    this.#config = config;
  }

  /** Makes the bucket where there is none, and room for one image. Rejects with STORE_FULL where it can't fit. */
  async makeRoom(imageBytes: number, chunks: number): Promise<void> {
    const need = bytesOf({ size: imageBytes, chunks }, most);
    const info = await this.#ensure();
    const limit = info.config.max_bytes > 0 ? info.config.max_bytes : this.#config.maxBytes;
    if (need > limit) {
      throw new GatewayError(
        "STORE_FULL",
        `An image of ${imageBytes} bytes does not fit into the store for images, which takes ${limit}. Raise images.maxBytes.`,
      );
    }
    await this.#removeOldest(info, info.state.bytes + need - limit);
  }

  async #removeOldest({ config, state }: StreamInfo, excess: number): Promise<void> {
    if (excess <= 0) return;
    let seq = state.first_seq;
    for (let freed = 0; freed < excess;) {
      const metadata = await this.#api.nextMessage(config.name, `$O.${this.#config.bucket}.M.>`, seq);
      // Chunks alone are left, of images that were never finished.
      if (metadata === undefined) return this.#api.purge(config.name);
      freed += bytesOf(sizeIn(metadata.data), least);
      seq = metadata.seq + 1;
    }
    await this.#api.purge(config.name, seq);
  }

  async #ensure(): Promise<StreamInfo> {
    const wanted = this.#stream(this.#config.maxBytes);
    const existing = (await this.#api.streamInfo(wanted.name)) ?? (await this.#create(wanted));
    if (!existing.config.subjects.includes(wanted.subjects[0] ?? "")) {
      throw new GatewayError(
        "UPLINK_UNAVAILABLE",
        `The stream ${wanted.name} on this server is no object store. Remove it, or name another images.bucket`,
      );
    }
    if (this.#fitted) return existing;
    this.#fitted = true;
    return this.#fit(existing, wanted);
  }

  /** Where the disk has no room for all that was asked for, it is less. */
  async #create(wanted: StreamConfig): Promise<StreamInfo> {
    for (let bytes = wanted.max_bytes; ; bytes = Math.floor(bytes / 2)) {
      try {
        return await this.#api.createStream({ ...wanted, max_bytes: bytes });
      } catch (caught) {
        const full = caught instanceof GatewayError && caught.code === "STORE_FULL";
        if (!full || bytes / 2 < leastBytes) throw caught;
      }
    }
  }

  /** An edited gateway.yaml: what no longer fits is removed first, whole, before the server would cut it off. */
  async #fit(existing: StreamInfo, wanted: StreamConfig): Promise<StreamInfo> {
    const { config, state } = existing;
    const same =
      config.max_bytes === wanted.max_bytes && config.max_age === wanted.max_age && config.discard === "new";
    if (same) return existing;
    await this.#removeOldest(existing, state.bytes - wanted.max_bytes);
    try {
      await this.#api.updateStream({
        ...config,
        max_bytes: wanted.max_bytes,
        max_age: wanted.max_age ?? 0,
        discard: "new",
      });
    } catch (caught) {
      if (!(caught instanceof GatewayError) || caught.code !== "STORE_FULL") throw caught;
    }
    return (await this.#api.streamInfo(wanted.name)) ?? existing;
  }

  #stream(maxBytes: number): StreamConfig {
    const { bucket, keep } = this.#config;
    return {
      name: `OBJ_${bucket}`,
      description: "Images of cameras, kept by Linegate",
      subjects: [`$O.${bucket}.C.>`, `$O.${bucket}.M.>`],
      storage: "file",
      retention: "limits",
      discard: "new",
      max_bytes: maxBytes,
      max_age: keep * 1_000_000,
      allow_rollup_hdrs: true,
      allow_direct: true,
    };
  }
}

function bytesOf({ size = 0, chunks = 0 }: ObjectSize, beside: typeof most): number {
  return size + chunks * beside.chunk + beside.metadata;
}

/** A message that is no metadata of an object counts as nothing; it is removed all the same. */
function sizeIn(base64: string | undefined): ObjectSize {
  try {
    const found = JSON.parse(Buffer.from(base64 ?? "", "base64").toString("utf8")) as unknown;
    return typeof found === "object" && found !== null ? found : {};
  } catch {
    return {};
  }
}

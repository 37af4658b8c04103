import { toGatewayError, type AdapterContext, type ImageReference } from "../../src/adapter-kit/index.ts";
import { statusFailure } from "./failures.ts";
import type { HttpClient } from "./http-client.ts";
import type { ImageSink } from "./image-sink.ts";

export interface ImageFetchOptions {
  readonly device: string;
  readonly client: HttpClient;
  readonly images: ImageSink;
  readonly context: AdapterContext;
}

/** Fetches images from a camera and has them stored. */
export class ImageFetch {
  readonly #options: ImageFetchOptions;

  constructor(options: ImageFetchOptions) {
    this.#options = options;
  }

  /** Resolves with where the image is. Never rejects: what is wrong stands in the image tag, and the result is null. */
  async from(url: URL, signal: AbortSignal, at?: number): Promise<ImageReference | null> {
    const { device, client, images, context } = this.#options;
    try {
      const { status, contentType, body, location } = await client.request(url, {}, signal);
      const failure = statusFailure(status, url, location);
      if (failure === undefined) return await images.put(body, contentType, signal, at);
      context.log.debug({ device, ...failure.context }, failure.message);
      context.metrics.fault(`image-http${status}`);
      return images.missing(`Http${status}`);
    } catch (caught) {
      if (signal.aborted) return null;
      context.metrics.fault("image");
      const { context: why } = toGatewayError(caught);
      return images.missing(typeof why["status"] === "string" ? why["status"] : "NoImage");
    }
  }
}

import { toGatewayError, type AdapterContext, type ImageReference } from "../../src/adapter-kit/index.ts";
import { badSample } from "./result.ts";

/** Nobody waits longer for NATS. */
const storedWithinMs = 1_000;

/** What a content type that says nothing hides. */
const beginnings: readonly (readonly [type: string, hex: string])[] = [
  ["image/jpeg", "ffd8ff"],
  ["image/png", "89504e470d0a1a0a"],
  ["image/gif", "47494638"],
  ["image/bmp", "424d"],
  ["image/tiff", "49492a00"],
  ["image/tiff", "4d4d002a"],
];

/** The content type of an image: as it was said, or as its first bytes say; undefined where it is none. */
export function imageType(said: string, bytes: Uint8Array): string | undefined {
  if (said.startsWith("image/")) return said;
  const hex = Buffer.from(bytes.subarray(0, 8)).toString("hex");
  return beginnings.find(([, begin]) => hex.startsWith(begin))?.[0];
}

export interface ImageSinkOptions {
  readonly device: string;
  /** The image tag; absent where images are not wanted. */
  readonly tag: string | undefined;
  readonly context: AdapterContext;
}

/** Puts a camera's images into the store and says in the image tag where. A store that is away costs the image alone. */
export class ImageSink {
  readonly #options: ImageSinkOptions;
  #count = 0;
  #told = false;

  constructor(options: ImageSinkOptions) {
    this.#options = options;
  }

  /** Resolves with where the image is, or null where it could not be stored: the image tag says why. */
  async put(
    image: Uint8Array,
    said: string,
    signal: AbortSignal,
    at?: number,
  ): Promise<ImageReference | null> {
    const { device, tag, context } = this.#options;
    if (tag === undefined) return null;
    const contentType = imageType(said, image);
    if (contentType === undefined || image.length === 0) return this.missing("NotAnImage");
    this.#count += 1;
    const key = `${device}/${context.clock.now()}-${this.#count}`;
    const patience = new AbortController();
    const impatient = setTimeout(() => patience.abort(), storedWithinMs);
    const abort = () => patience.abort(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      signal.throwIfAborted();
      const reference = await context.images.put(key, image, contentType, patience.signal);
      this.#told = false;
      context.emit([
        {
          tag,
          value: { ...reference },
          quality: "good",
          ...(at === undefined ? {} : { sourceTimestamp: at }),
        },
      ]);
      return reference;
    } catch (caught) {
      if (signal.aborted) throw signal.reason;
      this.#tell(caught);
      return this.missing("ImageNotStored");
    } finally {
      clearTimeout(impatient);
      signal.removeEventListener("abort", abort);
    }
  }

  /** The image tag has no value, and this is why. */
  missing(status: string): null {
    const { tag, context } = this.#options;
    if (tag !== undefined) context.emit([badSample(tag, status)]);
    return null;
  }

  /** Once, until an image is stored again. */
  #tell(caught: unknown): void {
    const { device, context } = this.#options;
    context.metrics.fault("image-not-stored");
    if (this.#told) return;
    this.#told = true;
    const { code, message } = toGatewayError(caught);
    context.log.warn(
      { device, code, error: message },
      "an image could not be stored; results go on without images until it can",
    );
  }
}

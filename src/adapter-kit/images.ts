/** Where an image was put: the value of an image tag. */
export interface ImageReference {
  /** The NATS object store bucket: `images`. */
  readonly bucket: string;
  /** Its name in the bucket, such as `camera-1/1795370000123-1`. */
  readonly key: string;
  /** In hex. */
  readonly sha256: string;
  readonly bytes: number;
  /** Such as `image/jpeg`. */
  readonly contentType: string;
}

/** The gateway's store for images: bounded in bytes and age, the oldest give way. */
export interface ImageStore {
  /** Rejects with UPLINK_UNAVAILABLE where NATS is away, STORE_FULL where the image does not fit. */
  put(key: string, image: Uint8Array, contentType: string, signal: AbortSignal): Promise<ImageReference>;
}

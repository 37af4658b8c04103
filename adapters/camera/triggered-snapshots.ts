import type { AdapterContext, ImageReference } from "../../src/adapter-kit/index.ts";
import { HttpClient } from "./http-client.ts";
import { ImageFetch } from "./image-fetch.ts";
import type { ImageSink } from "./image-sink.ts";
import type { DialledConnection, SnapshotOptions } from "./mapping.ts";
import type { Trigger } from "./result.ts";
import { SingleFlight } from "./single-flight.ts";
import { watchTrigger } from "./trigger.ts";

/** A snapshot that was set off, and its image as soon as it is there. */
export interface Snapshot {
  readonly trigger: Trigger;
  /** Null where it is not to be had. Never rejects. */
  readonly image: Promise<ImageReference | null>;
}

export interface TriggeredSnapshotsOptions {
  readonly device: string;
  readonly snapshot: SnapshotOptions;
  /** How the camera is reached where its images are. */
  readonly connection: DialledConnection;
  readonly images: ImageSink;
  readonly context: AdapterContext;
}

/**
 * Snapshots of a camera that sends its results by itself: the trigger has the image fetched, and the first result that comes
 * soon enough after it belongs to it.
 */
export class TriggeredSnapshots {
  readonly #options: TriggeredSnapshotsOptions;
  readonly #client: HttpClient;
  readonly #fetch: ImageFetch;
  readonly #flights: SingleFlight;
  /** The last one, which no result has claimed yet; `until` in monotonic ms. */
  #unclaimed: (Snapshot & { readonly until: number }) | undefined;

  constructor(options: TriggeredSnapshotsOptions) {
    const { device, connection, images, context } = options;
    this.#options = options;
    this.#client = new HttpClient(connection, context);
    this.#fetch = new ImageFetch({ device, client: this.#client, images, context });
    this.#flights = new SingleFlight(device, context);
  }

  /** Reads the secrets and certificates. Rejects with CONFIG_INVALID where one is missing. */
  open(): Promise<void> {
    return this.#client.open();
  }

  /** Watches the trigger until the signal; returns the way to stop sooner. */
  watch(signal: AbortSignal): () => void {
    const { snapshot, context } = this.#options;
    return watchTrigger(context, snapshot, (trigger) => this.#take(trigger, signal));
  }

  /** The snapshot that belongs to a result that comes now. */
  claim(): Snapshot | undefined {
    const snapshot = this.#unclaimed;
    this.#unclaimed = undefined;
    if (snapshot === undefined || this.#options.context.clock.monotonic() > snapshot.until) return undefined;
    return snapshot;
  }

  /** Idempotent; leaves no socket. */
  close(): void {
    this.#unclaimed = undefined;
    this.#client.close();
  }

  #take(trigger: Trigger, signal: AbortSignal): void {
    const { snapshot, context } = this.#options;
    const image = Promise.withResolvers<ImageReference | null>();
    const isTaken = this.#flights.run(async () => {
      try {
        if (snapshot.delay > 0) await context.clock.sleep(snapshot.delay, signal).catch(() => undefined);
        if (signal.aborted) return;
        image.resolve(await this.#fetch.from(this.#client.url(snapshot.url), signal, trigger.timestamp));
      } finally {
        // A result may wait for it: whatever happens, there is an image or none.
        image.resolve(null);
      }
    });
    if (!isTaken) return;
    const until = context.clock.monotonic() + snapshot.within;
    this.#unclaimed = { trigger, image: image.promise, until };
  }
}

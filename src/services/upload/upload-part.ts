import type { UploadConfig } from "../../config/upload.ts";
import type { Metric } from "../../observability/exposition.ts";
import { UploadService, type UploadOptions } from "./upload-service.ts";

/** The upload inside the gateway: runs while any tag has a rule for it. */
export class UploadPart {
  readonly #options: UploadOptions;
  #service: UploadService | undefined;

  constructor(options: UploadOptions) {
    this.#options = options;
  }

  /** Goes on with what the store holds. Without rules nothing runs. */
  start(upload: UploadConfig | undefined): void {
    if (upload === undefined) return;
    this.#service = new UploadService(upload, this.#options);
    this.#service.start();
  }

  /** Takes edited rules over, or that there are none any more. */
  async apply(upload: UploadConfig | undefined): Promise<void> {
    if (this.#service === undefined) this.start(upload);
    else await this.#service.apply(upload ?? { ...this.#service.config, tags: {} });
  }

  metrics(): Iterable<Metric> {
    return this.#service?.metrics() ?? [];
  }

  /** Resolves when all that was taken is stored. Idempotent. */
  async stop(): Promise<void> {
    await this.#service?.stop();
  }
}

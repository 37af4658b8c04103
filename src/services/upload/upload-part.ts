import type { Duration } from "../../domain/duration.ts";
import type { Metric } from "../../observability/exposition.ts";
import type { PartHealth } from "../../observability/health.ts";
import type { ServedSite, SiteService } from "../site-service.ts";
import { UploadService, type UploadOptions } from "./upload-service.ts";

export interface UploadPartOptions extends Omit<UploadOptions, "epoch"> {
  /** Its epoch is known once it is open. */
  readonly store: UploadOptions["store"] & { readonly epoch: string };
}

/** The upload inside the gateway: runs while any tag has a rule for it. */
export class UploadPart implements SiteService {
  readonly #options: UploadPartOptions;
  #service: UploadService | undefined;
  #thinTo: Duration | undefined;

  constructor(options: UploadPartOptions) {
    this.#options = options;
  }

  /** Goes on with what the store holds. Without rules nothing runs. */
  start({ upload }: ServedSite): void {
    if (upload === undefined) return;
    this.#service = new UploadService(upload, { ...this.#options, epoch: this.#options.store.epoch });
    this.#service.start();
    void this.#service.thin(this.#thinTo);
  }

  /** From now on into windows of at least this length; undefined: as the rules say. */
  async thin(every: Duration | undefined): Promise<void> {
    this.#thinTo = every;
    await this.#service?.thin(every);
  }

  /** Takes edited rules over, or that there are none any more. */
  async apply(site: ServedSite): Promise<void> {
    if (this.#service === undefined) this.start(site);
    else await this.#service.apply(site.upload ?? { ...this.#service.config, tags: {} });
  }

  metrics(): Iterable<Metric> {
    return this.#service?.metrics() ?? [];
  }

  /** Undefined where there is nothing to tell. */
  health(): PartHealth | undefined {
    return this.#service?.health();
  }

  /** Resolves when all that was taken is stored. Idempotent. */
  async stop(): Promise<void> {
    await this.#service?.stop();
  }
}

import { Subject } from "rxjs";
import type { ServicesConfig } from "../config/gateway-schema.ts";
import type { Duration } from "../domain/duration.ts";
import { StateBucket, type StateBucketOptions } from "../nats/state-bucket.ts";
import type { Metric } from "../observability/exposition.ts";
import type { PartHealth } from "../observability/health.ts";
import { AlertPart, type AlertPartOptions } from "./alerting/alert-part.ts";
import { LedgerPart, type LedgerPartOptions } from "./ledger/ledger-part.ts";
import { ServiceBridge, type ServiceBridgeOptions } from "./outside/service-bridge.ts";
import { LinePart, type LinePartOptions } from "./scheduling/line-part.ts";
import { UploadPart, type UploadPartOptions } from "./upload/upload-part.ts";
import { bucketOptions, type ServedSite, type SiteService } from "./site-service.ts";

export type SiteServicesOptions = Omit<LinePartOptions, "bucket" | "told"> &
  Omit<AlertPartOptions, "bucket" | "lineEvents$"> &
  UploadPartOptions &
  LedgerPartOptions &
  Pick<StateBucketOptions, "link"> &
  Pick<ServiceBridgeOptions, "states"> & {
    /** What runs here, and what in a process of its own. */
    readonly places: ServicesConfig;
  };

/**
 * The services on the readings: those that decide for the line, each with its bucket of present states, the upload, and
 * the ledgers, whose balances are readings too.
 */
export class SiteServices {
  /** In the order in which they start: who hears another comes before it. They end in the opposite one. */
  readonly #deciding: readonly SiteService[];
  readonly #upload: UploadPart;
  readonly #ledgers: LedgerPart;
  readonly #alerts: AlertPart | undefined;
  readonly #buckets: StateBucket[] = [];

  constructor(options: SiteServicesOptions) {
    const lineEvents = new Subject<{ readonly station: string; readonly event: string }>();
    const told = (event: { readonly station: string; readonly event: string }) => lineEvents.next(event);
    if (options.places.alerting === "inside") {
      const bucket = this.#bucket("alerts", options);
      this.#alerts = new AlertPart({ ...options, bucket, lineEvents$: lineEvents });
    }
    const line =
      options.places.scheduling === "inside"
        ? new LinePart({ ...options, bucket: this.#bucket("line", options), told })
        : new ServiceBridge({ ...options, service: "scheduling", told });
    const alerts = this.#alerts ?? new ServiceBridge({ ...options, service: "alerting" });
    this.#deciding = [alerts, line];
    this.#upload = new UploadPart(options);
    this.#ledgers = new LedgerPart(options);
  }

  /** Every alert as it stands; none where they are decided outside. */
  get alerts(): ReturnType<AlertPart["list"]> {
    return this.#alerts?.list() ?? [];
  }

  /** They go on with what the store holds. */
  start(site: ServedSite): void {
    for (const service of this.#all) service.start(site);
    for (const bucket of this.#buckets) bucket.start();
  }

  /** Takes edited files over. */
  async apply(site: ServedSite): Promise<void> {
    for (const service of this.#all.toReversed()) await service.apply(site);
  }

  *metrics(): Iterable<Metric> {
    for (const service of this.#all) yield* service.metrics();
  }

  /** Of the upload; undefined where there is nothing to tell. */
  uploadHealth(): PartHealth | undefined {
    return this.#upload.health();
  }

  /** Uploads in windows of at least so many ms from now on; undefined: as the rules say. */
  thin(every: Duration | undefined): void {
    void this.#upload.thin(every);
  }

  /** No more decisions; what was decided is still stored and told. Idempotent. */
  async stopDeciding(): Promise<void> {
    for (const service of this.#deciding.toReversed()) await service.stop();
    await Promise.all(this.#buckets.map((bucket) => bucket.stop()));
  }

  /**
   * After the devices, whose last messages and readings belong to it: the ledgers show what they have booked, and what is to be
   * uploaded goes to the outbox. Idempotent.
   */
  async stopUpload(): Promise<void> {
    await this.#ledgers.stop();
    await this.#upload.stop();
  }

  get #all(): readonly SiteService[] {
    return [this.#upload, ...this.#deciding, this.#ledgers];
  }

  #bucket(name: string, options: SiteServicesOptions): StateBucket {
    const bucket = new StateBucket(bucketOptions(name, options));
    this.#buckets.push(bucket);
    return bucket;
  }
}

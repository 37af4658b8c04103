import { Subject } from "rxjs";
import type { Site } from "../config/site.ts";
import { StateBucket, type StateBucketOptions } from "../nats/state-bucket.ts";
import type { Metric } from "../observability/exposition.ts";
import { AlertPart, type AlertPartOptions } from "./alerting/alert-part.ts";
import { LinePart, type LinePartOptions } from "./scheduling/line-part.ts";
import { UploadPart, type UploadPartOptions } from "./upload/upload-part.ts";

/** 2,000 alerts with what they tell, and as many stations. */
const bucketBytes = 4_000_000;

export type SiteServicesOptions = Omit<LinePartOptions, "bucket" | "told"> &
  Omit<AlertPartOptions, "bucket" | "lineEvents$"> &
  UploadPartOptions &
  Pick<StateBucketOptions, "link">;

type Configs = Pick<Site, "line" | "alerts" | "upload">;

/** The services on the readings: those that decide for the line, each with its bucket of present states, and the upload. */
export class SiteServices {
  readonly #line: LinePart;
  readonly #alerts: AlertPart;
  readonly #upload: UploadPart;
  readonly #buckets: readonly StateBucket[];

  constructor(options: SiteServicesOptions) {
    const { site, link, clock, log } = options;
    const bucketOf = (bucket: string) =>
      new StateBucket({
        bucket,
        prefix: site.replaceAll("/", "."),
        maxBytes: bucketBytes,
        link,
        clock,
        log,
      });
    const [stations, alerts] = [bucketOf("line"), bucketOf("alerts")];
    this.#buckets = [stations, alerts];
    const events = new Subject<{ readonly station: string; readonly event: string }>();
    this.#line = new LinePart({ ...options, bucket: stations, told: (event) => events.next(event) });
    this.#alerts = new AlertPart({ ...options, bucket: alerts, lineEvents$: events });
    this.#upload = new UploadPart(options);
  }

  /** Every alert as it stands; none where there is no alerts.yaml. */
  get alerts(): ReturnType<AlertPart["list"]> {
    return this.#alerts.list();
  }

  /** They go on with what the store holds. The alerts first: they hear what the line tells. */
  start({ line, alerts, upload }: Configs): void {
    this.#upload.start(upload);
    this.#alerts.start(alerts);
    this.#line.start(line);
    for (const bucket of this.#buckets) bucket.start();
  }

  /** Takes edited files over. */
  async apply({ line, alerts, upload }: Configs): Promise<void> {
    this.#line.apply(line);
    await this.#alerts.apply(alerts);
    await this.#upload.apply(upload);
  }

  *metrics(): Iterable<Metric> {
    yield* this.#line.metrics();
    yield* this.#alerts.metrics();
    yield* this.#upload.metrics();
  }

  /** No more decisions; what was decided is still stored and told. Idempotent. */
  async stopDeciding(): Promise<void> {
    await this.#line.stop();
    await this.#alerts.stop();
    await Promise.all(this.#buckets.map((bucket) => bucket.stop()));
  }

  /** After the devices, whose last readings belong to it: what is to be uploaded goes to the outbox. Idempotent. */
  async stopUpload(): Promise<void> {
    await this.#upload.stop();
  }
}

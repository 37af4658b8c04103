import { Subject } from "rxjs";
import { StateBucket, type StateBucketOptions } from "../nats/state-bucket.ts";
import type { Metric } from "../observability/exposition.ts";
import { AlertPart, type AlertPartOptions } from "./alerting/alert-part.ts";
import { LinePart, type LinePartOptions } from "./scheduling/line-part.ts";
import type { ServedSite, SiteService } from "./site-service.ts";

/** 2,000 alerts with what they tell, and as many stations. */
const bucketBytes = 4_000_000;

export type SiteServicesOptions = Omit<LinePartOptions, "bucket" | "told"> &
  Omit<AlertPartOptions, "bucket" | "lineEvents$"> &
  Pick<StateBucketOptions, "link">;

/** The services that decide for the line, each with its bucket of present states: they begin, change and end together. */
export class SiteServices {
  /** In the order in which they start: who hears another comes before it. They end in the opposite one. */
  readonly #services: readonly SiteService[];
  readonly #alerts: AlertPart;
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
    const lineEvents = new Subject<{ readonly station: string; readonly event: string }>();
    this.#alerts = new AlertPart({ ...options, bucket: alerts, lineEvents$: lineEvents });
    this.#services = [
      this.#alerts,
      new LinePart({ ...options, bucket: stations, told: (event) => lineEvents.next(event) }),
    ];
  }

  /** Every alert as it stands; none where there is no alerts.yaml. */
  get alerts(): ReturnType<AlertPart["list"]> {
    return this.#alerts.list();
  }

  /** They go on with what the store holds. */
  start(site: ServedSite): void {
    for (const service of this.#services) service.start(site);
    for (const bucket of this.#buckets) bucket.start();
  }

  /** Takes edited files over. */
  async apply(site: ServedSite): Promise<void> {
    for (const service of this.#services.toReversed()) await service.apply(site);
  }

  *metrics(): Iterable<Metric> {
    for (const service of this.#services) yield* service.metrics();
  }

  /** What was decided is still stored and told. Idempotent. */
  async stop(): Promise<void> {
    for (const service of this.#services.toReversed()) await service.stop();
    await Promise.all(this.#buckets.map((bucket) => bucket.stop()));
  }
}

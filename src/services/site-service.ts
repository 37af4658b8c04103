import type { Site } from "../config/site.ts";
import type { StateBucketOptions } from "../nats/state-bucket.ts";
import type { Metric } from "../observability/exposition.ts";

/** What of a site's files the services are told by. */
export type ServedSite = {
  readonly [Key in "line" | "alerts" | "upload" | "ledgers"]?: Site[Key] | undefined;
};

/** One of the services on the readings: runs while its part of the configuration is there, on what the store holds. */
export interface SiteService {
  /** The store is open, and the audit running; NATS may be away. */
  start(site: ServedSite): void;
  /** Takes edited files over. */
  apply(site: ServedSite): void | Promise<void>;
  metrics(): Iterable<Metric>;
  /** What was decided is still stored and told. Idempotent. */
  stop(): Promise<void>;
}

/** 2,000 alerts with what they tell, and as many stations. */
const bucketBytes = 4_000_000;

/** The bucket of a service's present states. @param site its place, such as `plant1/line1` */
export function bucketOptions(
  bucket: string,
  { site, link, clock, log }: Pick<StateBucketOptions, "link" | "clock" | "log"> & { readonly site: string },
): StateBucketOptions {
  return { bucket, prefix: site.replaceAll("/", "."), maxBytes: bucketBytes, link, clock, log };
}

import type { Site } from "../config/site.ts";
import type { Metric } from "../observability/exposition.ts";

/** What of a site's files the services are told by. */
export type ServedSite = { readonly [Key in "line" | "alerts"]?: Site[Key] | undefined };

/** One of the services that decide for the line: runs while its file is there, on what the store holds. */
export interface SiteService {
  /** The store is open, and the audit running; NATS may be away. */
  start(site: ServedSite): void;
  /** Takes edited files over. */
  apply(site: ServedSite): void | Promise<void>;
  metrics(): Iterable<Metric>;
  /** What was decided is still stored and told. Idempotent. */
  stop(): Promise<void>;
}

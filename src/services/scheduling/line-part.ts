import type { LocalBroker } from "../../adapter-kit/local-broker.ts";
import type { NatsLink } from "../../nats/link.ts";
import type { StateBucket } from "../../nats/state-bucket.ts";
import { ServiceEndpoint } from "../../nats/service-endpoint.ts";
import type { Metric } from "../../observability/exposition.ts";
import type { AuditRecorder } from "../audit/audit-trail.ts";
import type { ServedSite, SiteService } from "../site-service.ts";
import { describeLine, lineEndpoints } from "./requests.ts";
import { SchedulingService, type SchedulingOptions } from "./scheduling-service.ts";

/** Of what the service may be asked, not of the program. */
const interfaceVersion = "1.0.0";
/** Changes of this time come into the bucket together. */
const showEveryMs = 20;

export interface LinePartOptions extends Omit<SchedulingOptions, "output"> {
  readonly gateway: string;
  readonly broker: Pick<LocalBroker, "publish">;
  readonly link: Pick<NatsLink, "publish" | "subscribe">;
  readonly random: () => number;
  readonly audit: AuditRecorder;
  /** The KV bucket with the present state of each station. */
  readonly bucket: Pick<StateBucket, "put" | "delete">;
  /** Takes each event that goes out. */
  readonly told: (event: { readonly station: string; readonly event: string }) => void;
}

/** Scheduling inside the gateway: runs while there is a line.yaml, on the gateway's own broker and link. */
export class LinePart implements SiteService {
  readonly #options: LinePartOptions;
  #service: SchedulingService | undefined;
  #endpoint: ServiceEndpoint | undefined;
  #showing = false;
  readonly #stopping = new AbortController();

  constructor(options: LinePartOptions) {
    this.#options = options;
  }

  /** Goes on with what the store holds. Without a line nothing runs. */
  start({ line }: ServedSite): void {
    if (line === undefined) return;
    const { gateway, site, link, clock, random, audit } = this.#options;
    const service = new SchedulingService(line, { ...this.#options, output: this.#output() });
    this.#service = service;
    this.#endpoint = new ServiceEndpoint({
      name: "scheduling",
      version: interfaceVersion,
      description: "Tells stations to prepare when those before them are done",
      metadata: { gateway, site },
      endpoints: lineEndpoints({
        gateway,
        service,
        audit: (entry) => audit.record("line", entry),
      }),
      link,
      clock,
      random,
    });
    service.start();
    this.#endpoint.start();
  }

  /** Takes an edited line.yaml over, or that there is none any more. */
  apply({ line }: ServedSite): void {
    if (this.#service === undefined) return this.start({ line });
    const before = this.#service.plan.stations;
    this.#service.apply(line ?? { stations: [] });
    for (const station of before.keys())
      if (!this.#service.plan.stations.has(station)) this.#options.bucket.delete(station);
  }

  metrics(): Iterable<Metric> {
    return this.#service?.metrics() ?? [];
  }

  /** What was decided is still stored and sent. Idempotent. */
  async stop(): Promise<void> {
    this.#endpoint?.stop();
    await this.#service?.stop();
    this.#stopping.abort();
    this.#show();
  }

  /** Every station as it stands, into the bucket. */
  #show(): void {
    if (this.#service === undefined) return;
    for (const station of describeLine(this.#service))
      this.#options.bucket.put(station.name, JSON.stringify(station));
  }

  #showSoon(): void {
    if (this.#showing || this.#stopping.signal.aborted) return;
    this.#showing = true;
    const pause = this.#options.clock.sleep(showEveryMs, this.#stopping.signal).catch(() => undefined);
    void pause.then(() => {
      this.#showing = false;
      this.#show();
    });
  }

  #output(): SchedulingOptions["output"] {
    const { broker, link, told } = this.#options;
    return {
      event: ({ topic }, json) => {
        broker.publish(topic, json, { qos: 1 });
        const [station = "", event = ""] = topic.split("/").slice(-2);
        told({ station, event });
      },
      changed: () => this.#showSoon(),
      message: (to, name, json) => {
        const payload = Buffer.from(json);
        if (to === "nats") link.publish(name, payload);
        else broker.publish(name, payload, { qos: 1 });
      },
    };
  }
}

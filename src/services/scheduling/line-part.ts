import type { LocalBroker } from "../../adapter-kit/local-broker.ts";
import type { LineConfig } from "../../config/line.ts";
import type { NatsLink } from "../../nats/link.ts";
import { ServiceEndpoint } from "../../nats/service-endpoint.ts";
import type { Metric } from "../../observability/exposition.ts";
import type { AuditRecorder } from "../audit/audit-trail.ts";
import { lineEndpoints } from "./requests.ts";
import { SchedulingService, type SchedulingOptions } from "./scheduling-service.ts";

/** Of what the service may be asked, not of the program. */
const interfaceVersion = "1.0.0";

export interface LinePartOptions extends Omit<SchedulingOptions, "output"> {
  readonly gateway: string;
  readonly broker: Pick<LocalBroker, "publish">;
  readonly link: Pick<NatsLink, "publish" | "subscribe">;
  readonly random: () => number;
  readonly audit: AuditRecorder;
}

/** Scheduling inside the gateway: runs while there is a line.yaml, on the gateway's own broker and link. */
export class LinePart {
  readonly #options: LinePartOptions;
  #service: SchedulingService | undefined;
  #endpoint: ServiceEndpoint | undefined;

  constructor(options: LinePartOptions) {
    this.#options = options;
  }

  /** Goes on with what the store holds. Without a line nothing runs. */
  start(line: LineConfig | undefined): void {
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
  apply(line: LineConfig | undefined): void {
    if (this.#service === undefined) this.start(line);
    else this.#service.apply(line ?? { stations: [] });
  }

  metrics(): Iterable<Metric> {
    return this.#service?.metrics() ?? [];
  }

  /** What was decided is still stored and sent. Idempotent. */
  async stop(): Promise<void> {
    this.#endpoint?.stop();
    await this.#service?.stop();
  }

  #output(): SchedulingOptions["output"] {
    const { broker, link } = this.#options;
    return {
      event: ({ topic }, json) => broker.publish(topic, json, { qos: 1 }),
      message: (to, name, json) => {
        const payload = Buffer.from(json);
        if (to === "nats") link.publish(name, payload);
        else broker.publish(name, payload, { qos: 1 });
      },
    };
  }
}

import type { LocalBroker } from "../../adapter-kit/local-broker.ts";
import type { AlertRule } from "../../config/alerts.ts";
import { TagPath } from "../../domain/tag-path.ts";
import type { NatsLink } from "../../nats/link.ts";
import type { StateBucket } from "../../nats/state-bucket.ts";
import { ServiceEndpoint } from "../../nats/service-endpoint.ts";
import type { Metric } from "../../observability/exposition.ts";
import type { AuditRecorder } from "../audit/audit-trail.ts";
import type { ServedSite, SiteService } from "../site-service.ts";
import { AlertingService, type AlertingOptions, type AlertOutput } from "./alerting-service.ts";
import { alertEndpoints } from "./requests.ts";
import { withOwnAlerts } from "./own-alerts.ts";
import { Webhooks, type WebhookOptions } from "./webhooks.ts";

/** Of what the service may be asked, not of the program. */
const interfaceVersion = "1.0.0";

export interface AlertPartOptions
  extends Omit<AlertingOptions, "output" | "webhooks" | "message">, Omit<WebhookOptions, "steady"> {
  readonly broker: Pick<LocalBroker, "publish"> & { clearRetained(topic: string): void };
  readonly link: Pick<NatsLink, "publish" | "subscribe">;
  readonly audit: AuditRecorder;
  /** The gateway's own alerts, beside those of alerts.yaml. */
  readonly own: readonly AlertRule[];
  /** The KV bucket with the present state of each alert. */
  readonly bucket: Pick<StateBucket, "put" | "delete">;
}

/** Alerting inside the gateway: runs while there is any alert, on the gateway's own broker and link. */
export class AlertPart implements SiteService {
  readonly #options: AlertPartOptions;
  #service: AlertingService | undefined;
  #webhooks: Webhooks | undefined;
  #endpoint: ServiceEndpoint | undefined;

  constructor(options: AlertPartOptions) {
    this.#options = options;
  }

  /** Goes on with what the store holds. Without alerts nothing runs. */
  start(site: ServedSite): void {
    const alerts = withOwnAlerts(site, this.#options.own);
    if (alerts === undefined) return;
    const { gateway, site: place, link, clock, random, audit } = this.#options;
    const webhooks = new Webhooks({ ...this.#options, steady: () => service.moment().steady });
    const service = new AlertingService(alerts, {
      ...this.#options,
      webhooks,
      output: this.#output(),
      message: (to, name, json) => this.#send(to, name, json),
    });
    this.#webhooks = webhooks;
    this.#service = service;
    this.#endpoint = new ServiceEndpoint({
      name: "alerting",
      version: interfaceVersion,
      description: "Watches readings, devices and the line, and says and does what is to be done",
      metadata: { gateway, site: place },
      endpoints: alertEndpoints({ gateway, service, audit: (entry) => audit.record("alert", entry) }),
      link,
      clock,
      random,
    });
    service.start();
    this.#endpoint.start();
  }

  /** Takes an edited alerts.yaml over, or that there is none any more. */
  async apply(site: ServedSite): Promise<void> {
    const alerts = withOwnAlerts(site, this.#options.own);
    if (this.#service === undefined) this.start(site);
    else await this.#service.apply(alerts ?? { ...this.#service.config, alerts: [] });
  }

  metrics(): Iterable<Metric> {
    return this.#service?.metrics() ?? [];
  }

  /** Every alert as it stands. */
  list(): ReturnType<AlertingService["list"]> {
    return this.#service?.list() ?? [];
  }

  /** What was decided is still stored and told; webhooks under way go on after the restart. Idempotent. */
  async stop(): Promise<void> {
    this.#endpoint?.stop();
    this.#webhooks?.stop();
    await this.#service?.stop();
  }

  #output(): AlertOutput {
    const { broker, bucket, store, site, clock } = this.#options;
    return {
      state: ({ topic }, alert, json) => {
        broker.publish(topic, json, { retain: true, qos: 1 });
        bucket.put(alert, json);
      },
      removed: ({ topic }, alert) => {
        broker.clearRetained(topic);
        bucket.delete(alert);
      },
      event: (name, data) => {
        const path = new TagPath("event", site, "alerting", name);
        const payload = Buffer.from(JSON.stringify({ timestamp: clock.now(), data }));
        broker.publish(path.topic, payload, { qos: 1 });
        void store.change([], [{ stream: "EVENTS", subject: path.subject, payload }]);
      },
    };
  }

  #send(to: "mqtt" | "nats", name: string, json: string): void {
    const { broker, link } = this.#options;
    const payload = Buffer.from(json);
    if (to === "nats") link.publish(name, payload);
    else broker.publish(name, payload, { qos: 1 });
  }
}

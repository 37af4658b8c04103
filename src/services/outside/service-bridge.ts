import type { LocalBroker } from "../../adapter-kit/local-broker.ts";
import type { Log } from "../../adapter-kit/log.ts";
import { isPrefix } from "../../domain/tag-path.ts";
import type { NatsLink } from "../../nats/link.ts";
import type { Metric } from "../../observability/exposition.ts";
import type { AuditRecorder } from "../audit/audit-trail.ts";
import { readFields, textField } from "../request-fields.ts";
import type { SiteService } from "../site-service.ts";
import { bridgeSubjects, type OutsideService } from "./bridge-subjects.ts";

export interface ServiceBridgeOptions {
  readonly gateway: string;
  readonly site: string;
  readonly service: OutsideService;
  readonly link: Pick<NatsLink, "subscribe">;
  readonly broker: Pick<LocalBroker, "publish"> & { clearRetained(topic: string): void };
  readonly audit: AuditRecorder;
  /** Each device's state by name. */
  readonly states: () => Readonly<Record<string, string>>;
  /** Takes each line event that goes out. */
  readonly told?: (event: { readonly station: string; readonly event: string }) => void;
  readonly log: Log;
}

/** What each service says in the gateway's name: below which first level, whether as a state, and in which audit. */
const own = {
  scheduling: { events: "line", retains: false, audit: "line" },
  alerting: { events: "alert", retains: true, audit: "alert" },
} as const;

const expected = 'expected a JSON object such as {"topic":"agv/1/order","payload":"{}"}';

/** In the gateway, in the place of a service that runs as a process of its own: what only the gateway can do for it. */
export class ServiceBridge implements SiteService {
  readonly #options: ServiceBridgeOptions;
  readonly #stops: (() => void)[] = [];

  constructor(options: ServiceBridgeOptions) {
    this.#options = options;
  }

  start(): void {
    const { gateway, service, link, states } = this.#options;
    const subjects = bridgeSubjects(gateway, service);
    this.#stops.push(
      link.subscribe(subjects.states, (message) => message.respond(JSON.stringify(states()))),
      link.subscribe(subjects.mqtt, ({ data }) => this.#publish(data)),
      link.subscribe(
        subjects.audit,
        (message) => void this.#record(message.data).then((reply) => message.respond(reply)),
      ),
    );
  }

  /** The service reads its files itself. */
  apply(): void {}

  metrics(): Iterable<Metric> {
    return [];
  }

  async stop(): Promise<void> {
    for (const stop of this.#stops.splice(0)) stop();
  }

  /** What the service tells of this site, and topics that are nobody's but the mapping's own. */
  #publish(data: Uint8Array): void {
    const { broker, site, told, log, service } = this.#options;
    const { events, retains } = own[service];
    const fields = readFields(data, expected);
    const topic = textField(fields.get("topic"), "topic", expected);
    const payload = fields.get("payload");
    const below = `${events}/${site}/`;
    const isOwn = topic.startsWith(below);
    if (typeof payload !== "string" || (isPrefix(topic.split("/")[0] ?? "") && !isOwn)) {
      log.warn({ service, topic }, "A service outside may not publish this on MQTT");
      return;
    }
    if (isOwn && retains && payload === "") return broker.clearRetained(topic);
    broker.publish(topic, payload, { qos: 1, retain: isOwn && retains });
    const [station, event, ...more] = isOwn ? topic.slice(below.length).split("/") : [];
    if (station !== undefined && event !== undefined && more.length === 0) told?.({ station, event });
  }

  /** Never rejects. */
  async #record(data: Uint8Array): Promise<string> {
    try {
      const { kind, entry } = JSON.parse(Buffer.from(data).toString()) as { kind: unknown; entry: unknown };
      const wanted = own[this.#options.service].audit;
      if (kind !== wanted || typeof entry !== "object" || entry === null) return '{"ok":false}';
      await this.#options.audit.record(wanted, entry);
      return '{"ok":true}';
    } catch {
      return '{"ok":false}';
    }
  }
}

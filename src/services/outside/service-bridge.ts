import type { LocalBroker } from "../../adapter-kit/local-broker.ts";
import type { Log } from "../../adapter-kit/log.ts";
import { toGatewayError } from "../../domain/errors.ts";
import { isPrefix } from "../../domain/tag-path.ts";
import type { NatsLink } from "../../nats/link.ts";
import type { Metric } from "../../observability/exposition.ts";
import type { AuditRecorder } from "../audit/audit-trail.ts";
import type { CommandPort } from "../commands/command-port.ts";
import { encodeWriteReply, parseObject, requestOf } from "../commands/write-request.ts";
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
  readonly commands: CommandPort;
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
const expectedWrite = 'expected a JSON object such as {"tag":"press-1/motor/setpoint","value":1200}';
/** What the trail itself says of an entry. */
const ofTheTrail = ["sequence", "timestamp", "kind", "hash"];

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
      link.subscribe(subjects.mqtt, (message) => message.respond(this.#publish(message.data))),
      link.subscribe(
        subjects.audit,
        (message) => void this.#record(message.data).then((reply) => message.respond(reply)),
      ),
      link.subscribe(
        subjects.write,
        (message) => void this.#write(message.data).then((reply) => message.respond(reply)),
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

  /** Never throws. */
  #publish(data: Uint8Array): string {
    const { log, service } = this.#options;
    try {
      const fields = readFields(data, expected);
      const topic = textField(fields.get("topic"), "topic", expected);
      const payload = fields.get("payload");
      if (typeof payload === "string" && this.#pass(topic, payload)) return '{"ok":true}';
      log.warn({ service, topic }, "A service outside may not publish this on MQTT");
    } catch (caught) {
      log.warn(
        { service, error: toGatewayError(caught).message },
        "A service outside publishes what is none",
      );
    }
    return '{"ok":false}';
  }

  /** What the service tells of this site and of itself, and topics that are nobody's but the mapping's own; else false. */
  #pass(topic: string, payload: string): boolean {
    const { broker, site, told, service } = this.#options;
    const { events, retains } = own[service];
    const below = `${events}/${site}/`;
    const isState = topic.startsWith(below);
    const isOwn = isState || topic.startsWith(`event/${site}/${service}/`);
    if (isPrefix(topic.split("/")[0] ?? "") && !isOwn) return false;
    if (isState && retains && payload === "") {
      broker.clearRetained(topic);
      return true;
    }
    broker.publish(topic, payload, { qos: 1, retain: isState && retains });
    const [station, event, ...more] = isState ? topic.slice(below.length).split("/") : [];
    if (station !== undefined && event !== undefined && more.length === 0) told?.({ station, event });
    return true;
  }

  /** Never rejects. */
  async #record(data: Uint8Array): Promise<string> {
    try {
      const { kind, entry } = JSON.parse(Buffer.from(data).toString()) as { kind: unknown; entry: unknown };
      const wanted = own[this.#options.service].audit;
      if (kind !== wanted || typeof entry !== "object" || entry === null) return '{"ok":false}';
      const fields = Object.entries(entry).filter(([key]) => !ofTheTrail.includes(key));
      await this.#options.audit.record(wanted, Object.fromEntries(fields));
      return '{"ok":true}';
    } catch {
      return '{"ok":false}';
    }
  }

  /** Nobody but the service may ask here, so that what is written was confirmed by its files. Never rejects. */
  async #write(data: Uint8Array): Promise<string> {
    const { commands, service } = this.#options;
    try {
      const fields = parseObject(data);
      const { value, expiresInMs, why } = requestOf(fields);
      const outcome = await commands.write({
        tag: textField(fields["tag"], "tag", expectedWrite),
        value,
        by: `service:${service}`,
        // Without users anybody could have sent it.
        claimed: true,
        ...(why === undefined ? {} : { why }),
        ...(expiresInMs === undefined ? {} : { expiresInMs }),
      });
      return encodeWriteReply(outcome);
    } catch (caught) {
      const { code, message } = toGatewayError(caught);
      return encodeWriteReply({ ok: false, code, reason: "request", message, tookMs: 0 });
    }
  }
}

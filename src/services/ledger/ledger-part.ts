import type { LocalBroker } from "../../adapter-kit/local-broker.ts";
import { TagPath } from "../../domain/tag-path.ts";
import type { NatsLink } from "../../nats/link.ts";
import { ServiceEndpoint } from "../../nats/service-endpoint.ts";
import { Sequences } from "../../normalise/sequences.ts";
import type { Metric } from "../../observability/exposition.ts";
import type { AuditRecorder } from "../audit/audit-trail.ts";
import type { DurableListener } from "../live/durable-event.ts";
import type { SitePublisher } from "../live/site-publisher.ts";
import type { ServedSite, SiteService } from "../site-service.ts";
import type { Balance } from "./ledger.ts";
import { LedgerService, type LedgerOptions, type LedgerOutput } from "./ledger-service.ts";
import { ledgerEndpoints } from "./requests.ts";

/** Of what the service may be asked, not of the program. */
const interfaceVersion = "1.0.0";

export interface LedgerPartOptions extends Omit<LedgerOptions, "output"> {
  readonly gateway: string;
  /** Where balances become readings as those of any device. */
  readonly publisher: Pick<SitePublisher, "reading" | "state" | "removeDevice" | "forget">;
  readonly broker: Pick<LocalBroker, "publish">;
  readonly link: Pick<NatsLink, "subscribe">;
  readonly random: () => number;
  readonly audit: AuditRecorder;
  /** Has durable messages pass by before they are stored. */
  readonly onDurable: (listener: DurableListener) => unknown;
}

/** The ledgers inside the gateway: run while there is a ledger.yaml, each as a device whose tags are its articles. */
export class LedgerPart implements SiteService {
  readonly #options: LedgerPartOptions;
  readonly #sequences = new Sequences();
  #service: LedgerService | undefined;
  #endpoint: ServiceEndpoint | undefined;

  constructor(options: LedgerPartOptions) {
    this.#options = options;
  }

  /** Goes on with what the store holds. Without ledgers nothing runs. */
  start({ ledgers }: ServedSite): void {
    if (ledgers === undefined) return;
    const { gateway, site, link, clock, random, audit, onDurable } = this.#options;
    const service = new LedgerService(ledgers, { ...this.#options, output: this.#output() });
    this.#service = service;
    this.#endpoint = new ServiceEndpoint({
      name: "ledger",
      version: interfaceVersion,
      description: "Keeps balances from durable messages, each booked once",
      metadata: { gateway, site },
      endpoints: ledgerEndpoints({ gateway, service, audit: (entry) => audit.record("ledger", entry) }),
      link,
      clock,
      random,
    });
    service.start();
    onDurable((event) => service.book(event));
    this.#endpoint.start();
  }

  /** Takes an edited ledger.yaml over, or that there is none any more. */
  apply({ ledgers }: ServedSite): void {
    if (this.#service === undefined) this.start({ ledgers });
    else this.#service.apply(ledgers ?? { ledgers: [] });
  }

  metrics(): Iterable<Metric> {
    return this.#service?.metrics() ?? [];
  }

  /** After the devices, whose last messages are booked: all is stored and shown. Idempotent. */
  async stop(): Promise<void> {
    this.#endpoint?.stop();
    await this.#service?.stop();
  }

  #output(): LedgerOutput {
    const { broker, publisher, site } = this.#options;
    return {
      begin: (ledger) => publisher.state(ledger, { state: "online" }),
      balance: (balance) => this.#publish(balance),
      forget: (ledger, articles) =>
        publisher.forget(articles.map((article) => new TagPath("data", site, ledger, article).topic)),
      end: (ledger) => publisher.removeDevice(ledger),
      event: ({ topic }, json) => broker.publish(topic, json, { qos: 1 }),
    };
  }

  /** What was never counted is what moved since the ledger began, not what there is. */
  #publish({ ledger, article, balance, unit, countedAt }: Balance): void {
    const { publisher, site, clock } = this.#options;
    const path = new TagPath("data", site, ledger, article);
    const sequence = this.#sequences.of(path.topic);
    sequence.last += 1;
    publisher.reading({
      path,
      value: balance,
      ...(countedAt === null ? { quality: "uncertain", status: "NotCounted" } : { quality: "good" }),
      timestamp: clock.now(),
      unit,
      sequence: sequence.last,
      readAt: clock.monotonic(),
    });
  }
}

import type { Clock } from "../adapter-kit/clock.ts";
import { isSegment } from "../domain/tag-path.ts";
import { GatewayError, toGatewayError, type ErrorCode } from "../domain/errors.ts";
import type { NatsLink } from "./link.ts";

/** One thing that a service does when it is asked. */
export interface Endpoint {
  /** Of letters, digits, `_` and `-`, such as `hold`. */
  readonly name: string;
  /** Where requests come, such as `scheduling.line1-gw.hold`. */
  readonly subject: string;
  /** Of all instances in a queue group one gets each request; null: every instance gets each. `q` where it is absent. */
  readonly queueGroup?: string | null;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Gives the reply. What it throws is answered as `{"ok":false,"code":…,"message":…}` with the headers of a service error. */
  handle(request: Uint8Array, subject: string): Promise<Uint8Array | string> | Uint8Array | string;
}

export interface ServiceOptions {
  /** What kind of service it is, such as `scheduling`; many instances may share the name. */
  readonly name: string;
  /** A semantic version. */
  readonly version: string;
  readonly description: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly endpoints: readonly Endpoint[];
  readonly link: Pick<NatsLink, "subscribe">;
  readonly clock: Clock;
  /** In [0, 1): for the id of this instance. */
  readonly random: () => number;
}

const verbs = ["PING", "INFO", "STATS"] as const;
const usualQueueGroup = "q";
const nanosecondsPerMs = 1e6;

interface Stats {
  requests: number;
  errors: number;
  lastError: string;
  /** ms. */
  processingTime: number;
}

/**
 * Requests over NATS as a service that `nats micro ls`, `info` and `stats` show: answers `$SRV.PING|INFO|STATS` as NATS
 * ADR-32 has it, and counts what its endpoints do. By hand, on the link that reconnects, instead of `@nats-io/services`,
 * whose service ends with its connection.
 */
export class ServiceEndpoint {
  /** Of this instance, new at each start of the process. */
  readonly id: string;
  readonly #options: ServiceOptions;
  readonly #stats: ReadonlyMap<Endpoint, Stats>;
  readonly #stops: (() => void)[] = [];
  #started = new Date(0).toISOString();

  constructor(options: ServiceOptions) {
    for (const { name } of [options, ...options.endpoints])
      if (!isSegment(name)) throw new GatewayError("INTERNAL", `No name for a service: ${name}`);
    this.#options = options;
    this.id = Array.from({ length: 22 }, () => Math.floor(options.random() * 36).toString(36)).join("");
    this.#stats = new Map(
      options.endpoints.map((endpoint) => [
        endpoint,
        { requests: 0, errors: 0, lastError: "", processingTime: 0 },
      ]),
    );
  }

  /** Answers from now on, whenever there is a connection. */
  start(): void {
    const { name, link, clock } = this.#options;
    this.#started = new Date(clock.now()).toISOString();
    for (const verb of verbs) {
      for (const subject of [`$SRV.${verb}`, `$SRV.${verb}.${name}`, `$SRV.${verb}.${name}.${this.id}`]) {
        this.#stops.push(link.subscribe(subject, (message) => message.respond(this.#describe(verb))));
      }
    }
    for (const [endpoint, stats] of this.#stats) {
      const queue = queueGroupOf(endpoint);
      const stop = link.subscribe(
        endpoint.subject,
        (message) => void this.#answer(endpoint, stats, message),
        queue === "" ? {} : { queue },
      );
      this.#stops.push(stop);
    }
  }

  /** Idempotent. Requests under way are still answered. */
  stop(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  async #answer(endpoint: Endpoint, stats: Stats, message: ServiceMessage): Promise<void> {
    const { clock } = this.#options;
    const began = clock.monotonic();
    stats.requests += 1;
    try {
      message.respond(await endpoint.handle(message.data, message.subject));
    } catch (caught) {
      const { code, message: words } = toGatewayError(caught);
      stats.errors += 1;
      stats.lastError = words;
      message.respond(JSON.stringify({ ok: false, code, message: words }), {
        "Nats-Service-Error": words.replaceAll(/[\r\n]+/g, " "),
        "Nats-Service-Error-Code": String(statusOf(code)),
      });
    }
    stats.processingTime += clock.monotonic() - began;
  }

  #describe(verb: (typeof verbs)[number]): string {
    const { name, version, metadata, description } = this.#options;
    const type = `io.nats.micro.v1.${verb.toLowerCase()}_response`;
    const common = { type, name, id: this.id, version, metadata };
    const each = [...this.#stats];
    switch (verb) {
      case "PING":
        return JSON.stringify(common);
      case "INFO": {
        const endpoints = each.map(([endpoint]) => ({
          ...identityOf(endpoint),
          metadata: endpoint.metadata ?? {},
        }));
        return JSON.stringify({ ...common, description, endpoints });
      }
      case "STATS": {
        const endpoints = each.map(([endpoint, stats]) => ({ ...identityOf(endpoint), ...figuresOf(stats) }));
        return JSON.stringify({ ...common, started: this.#started, endpoints });
      }
    }
  }
}

type ServiceMessage = Parameters<Parameters<NatsLink["subscribe"]>[1]>[0];

/** Empty for none, as ADR-32 shows it. */
function queueGroupOf({ queueGroup = usualQueueGroup }: Endpoint): string {
  return queueGroup ?? "";
}

function identityOf(endpoint: Endpoint): object {
  return { name: endpoint.name, subject: endpoint.subject, queue_group: queueGroupOf(endpoint) };
}

/** Times in whole nanoseconds. */
function figuresOf({ requests, errors, lastError, processingTime }: Stats): object {
  const total = Math.round(processingTime * nanosecondsPerMs);
  return {
    num_requests: requests,
    num_errors: errors,
    last_error: lastError,
    processing_time: total,
    average_processing_time: requests === 0 ? 0 : Math.trunc(total / requests),
  };
}

/** The number that ADR-32 asks for, in the manner of HTTP: the request was wrong, or what was asked did not work. */
function statusOf(code: ErrorCode): number {
  switch (code) {
    case "CONFIG_INVALID":
    case "WRITE_REFUSED":
      return 400;
    case "UPLINK_UNAVAILABLE":
    case "STORE_FULL":
      return 503;
    case "DEVICE_TIMEOUT":
      return 504;
    case "DEVICE_UNREACHABLE":
    case "DEVICE_REJECTED":
    case "PROTOCOL_VIOLATION":
      return 502;
    case "INTERNAL":
      return 500;
  }
}

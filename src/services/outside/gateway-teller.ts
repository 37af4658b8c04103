import type { Clock } from "../../adapter-kit/clock.ts";
import type { LocalBroker } from "../../adapter-kit/local-broker.ts";
import type { Log } from "../../adapter-kit/log.ts";
import type { NatsLink } from "../../nats/link.ts";
import type { Metric } from "../../observability/exposition.ts";
import type { StateStore } from "../../store/state-store.ts";
import type { AuditRecorder } from "../audit/audit-trail.ts";
import { AcknowledgedQueue } from "./acknowledged-queue.ts";
import type { BridgeSubjects } from "./bridge-subjects.ts";

/** Of the store: entries of the audit that the gateway has not taken yet, by a number. */
const auditScope = "audit-kept";
const keyDigits = 12;

/** Beyond so many that wait for the gateway the oldest are lost. */
const mostMessages = 1_000;
const mostEntries = 10_000;

export interface GatewayTellerOptions {
  readonly subjects: Pick<BridgeSubjects, "mqtt" | "audit">;
  readonly link: Pick<NatsLink, "request">;
  readonly store: StateStore;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * What a service outside has its gateway put on MQTT and into the audit. While the gateway is away, entries of the audit wait
 * on disk and messages in memory, each in its order. Of a retained topic it is told what it is then, as its broker may have
 * forgotten what it took last.
 */
export class GatewayTeller implements AuditRecorder {
  readonly #options: GatewayTellerOptions;
  readonly #messages: AcknowledgedQueue;
  readonly #entries: AcknowledgedQueue;
  /** What each retained topic is now; empty where it is to be cleared. */
  readonly #retained = new Map<string, string>();
  #lastKey = 0;

  constructor(options: GatewayTellerOptions) {
    const { subjects, link, store, log } = options;
    this.#options = options;
    this.#messages = new AcknowledgedQueue({
      what: "messages for MQTT",
      subject: subjects.mqtt,
      most: mostMessages,
      // An older gateway answers none, and passes each on.
      tries: 3,
      link,
      log,
      done: ({ key }) => {
        if (key !== undefined && this.#retained.get(key) === "") this.#retained.delete(key);
      },
    });
    this.#entries = new AcknowledgedQueue({
      what: "entries of the audit",
      subject: subjects.audit,
      most: mostEntries,
      link,
      log,
      done: ({ key }) => {
        if (key !== undefined) void store.change([{ scope: auditScope, key, value: null }]);
      },
    });
  }

  /** Takes over what an earlier run could not tell; the store is open. */
  start(): void {
    for (const [key, payload] of this.#options.store.read(auditScope)) {
      this.#lastKey = Number(key);
      this.#entries.add({ key, payload });
    }
  }

  /** The gateway answers. @param anew it may have been away since it did last */
  answers(anew: boolean): void {
    const wasAway = this.#messages.isAway;
    this.#messages.goOn();
    this.#entries.goOn();
    if (!anew && !wasAway) return;
    for (const [topic, payload] of this.#retained) this.#tell(topic, payload, true);
  }

  /** As the gateway's own broker has it; never throws. */
  publish(topic: string, payload: Buffer | string, how: Parameters<LocalBroker["publish"]>[2] = {}): void {
    const text = payload.toString();
    if (how.retain === true) this.#retained.set(topic, text);
    this.#tell(topic, text, how.retain === true);
  }

  clearRetained(topic: string): void {
    this.#retained.set(topic, "");
    this.#tell(topic, "", true);
  }

  /** Resolves when the entry is on disk here: whatever becomes of the gateway, it gets it. */
  async record(kind: string, fields: object): Promise<void> {
    const { store, clock } = this.#options;
    // The gateway's own timestamp says when it took the entry, which may be hours later.
    const payload = JSON.stringify({ kind, entry: { ...fields, askedAt: clock.now() } });
    this.#lastKey += 1;
    const key = String(this.#lastKey).padStart(keyDigits, "0");
    await store.change([{ scope: auditScope, key, value: payload }]);
    this.#entries.add({ key, payload });
  }

  *metrics(): Iterable<Metric> {
    const queues = [["mqtt", this.#messages] as const, ["audit", this.#entries] as const];
    yield {
      name: "linegate_service_waiting",
      help: "Messages and entries of the audit that wait for the gateway",
      type: "gauge",
      samples: queues.map(([to, { waiting }]) => [{ to }, waiting]),
    };
    yield {
      name: "linegate_service_lost_total",
      help: "Messages and entries of the audit that the gateway did not take, or that waited for too long",
      type: "counter",
      samples: queues.map(([to, { lost }]) => [{ to }, lost]),
    };
  }

  /** Resolves when what can be told is told. */
  async stop(): Promise<void> {
    await Promise.all([this.#messages.settled(), this.#entries.settled()]);
  }

  #tell(topic: string, payload: string, retained: boolean): void {
    const telling = { payload: JSON.stringify({ topic, payload }) };
    this.#messages.add(retained ? { ...telling, key: topic, passing: true } : telling);
  }
}

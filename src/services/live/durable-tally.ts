import type { BrokerMessage } from "../../adapter-kit/local-broker.ts";
import type { Log } from "../../adapter-kit/log.ts";

/** Read by the metrics. */
export interface DurableCounters {
  /** On disk, and so acknowledged. */
  stored: number;
  /** Acknowledged, and not stored again: their identity was known. */
  repeated: number;
  /** Their identity was known with other content: stored beside the first, as an event of their own. */
  conflicting: number;
  /** Not acknowledged, by reason. */
  readonly refused: Record<RefusalReason, number>;
  /** At QoS 0: nobody waits for them, and a device does not send them again. */
  unsure: number;
  /** Without the identity that the mapping names: stored each time. */
  unidentified: number;
}

export type RefusalReason = "disk" | "outboxFull" | "tooLarge" | "stopping";

/** The durable tag of a mapping that it is about. */
export interface DurableTag {
  readonly device: string;
  readonly name: string;
}

const texts = {
  disk: "a durable message can't be stored because the disk refuses: it is not acknowledged and the connection ends, so that the device keeps it and sends it again. Check the disk",
  outboxFull:
    "a durable message can't be stored because the outbox is full: it is not acknowledged and the connection ends, so that the device keeps it. Check the connection to NATS, and outbox.maxBytes",
  tooLarge:
    "a durable message is larger than nats-server takes (1 MB): it is not acknowledged and the connection ends. Send less at once, or take `durable` off this tag",
  unsure:
    "a durable topic is published at QoS 0: the device gets no PUBACK, and what is lost on the way or while the disk refuses is not sent again. Set QoS 1 in the device",
  unidentified:
    "a durable message has no identity where the mapping says, a text or a whole number: it is stored, and stored again if it comes again. Check `durable.id`",
  conflicting:
    "a durable message has the identity of an earlier one and other content: it is stored as the event …/conflict, and no service takes it. Give each message an identity of its own, and send the same again",
} as const;

/** What becomes of durable messages: counted each time, told once for each tag. */
export class DurableTally {
  readonly counters: DurableCounters = {
    stored: 0,
    repeated: 0,
    conflicting: 0,
    refused: { disk: 0, outboxFull: 0, tooLarge: 0, stopping: 0 },
    unsure: 0,
    unidentified: 0,
  };
  readonly #log: Log;
  readonly #told = new Set<string>();

  constructor(log: Log) {
    this.#log = log;
  }

  stored(tag: DurableTag): void {
    this.counters.stored += 1;
    this.#told.delete(keyOf(tag, "disk"));
  }

  refused(reason: RefusalReason, tag: DurableTag, { topic, qos }: BrokerMessage): void {
    this.counters.refused[reason] += 1;
    if (reason !== "stopping") this.#tell(reason, tag, { topic, qos });
  }

  unsure(tag: DurableTag, { topic, clientId }: BrokerMessage): void {
    this.counters.unsure += 1;
    this.#tell("unsure", tag, { topic, client: clientId });
  }

  unidentified(tag: DurableTag, { topic }: BrokerMessage): void {
    this.counters.unidentified += 1;
    this.#tell("unidentified", tag, { topic });
  }

  conflicting(tag: DurableTag, { topic }: BrokerMessage, id: string): void {
    this.counters.conflicting += 1;
    this.#tell("conflicting", tag, { topic, id });
  }

  #tell(what: keyof typeof texts, tag: DurableTag, fields: object): void {
    const key = keyOf(tag, what);
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.#log.warn({ device: tag.device, tag: tag.name, ...fields }, texts[what]);
  }
}

function keyOf({ device, name }: DurableTag, what: string): string {
  return `${device}/${name} ${what}`;
}

import { connect, type MqttClient } from "mqtt";
import type { Clock } from "../../src/adapter-kit/clock.ts";
import { transaction, type Transaction } from "./messages.ts";
import type { Sale } from "./store.ts";

export interface TillOptions {
  /** Such as `1`: a part of its topics and of the identities of its sales. */
  readonly name: string;
  /** Such as `mqtt://127.0.0.1:1883`. */
  readonly broker: string;
  readonly clock: Clock;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
}

/** A sale in the till's journal, which outlives the till. */
export interface JournalEntry {
  readonly sale: Transaction;
  /** The till has seen the broker's acknowledgement. */
  acknowledged: boolean;
}

const retryMs = 200;
export const transactionTopic = "store/pos/transaction";

/**
 * A till: writes each sale into its journal, publishes at QoS 1 what is not acknowledged, in order, and again after each
 * connect. Its connection is made anew each time, as by a till with no MQTT session.
 */
export class Till {
  readonly journal: JournalEntry[];
  readonly #options: TillOptions;
  #client: MqttClient | undefined;
  #timer: NodeJS.Timeout | undefined;
  #state: "on" | "offline" | "stopped" = "stopped";
  #isDeaf = false;

  /** @param journal of the till before its restart */
  constructor(options: TillOptions, journal: readonly JournalEntry[] = []) {
    this.#options = options;
    this.journal = [...journal];
  }

  /** Sales that the till has not seen an acknowledgement of. */
  get unacknowledged(): number {
    return this.journal.filter(({ acknowledged }) => !acknowledged).length;
  }

  /** Returns at once; connects when the broker is there. */
  start(): void {
    this.#state = "on";
    this.#dial();
  }

  /** A sale: journalled at once, told when there is a connection. */
  sell(items: Sale): Transaction {
    const { name, clock } = this.#options;
    const number = String(this.journal.length + 1).padStart(6, "0");
    const sale = transaction(name, number, items, clock.now());
    const entry = { sale, acknowledged: false };
    this.journal.push(entry);
    this.#send(entry);
    return sale;
  }

  /** Misses the acknowledgement of its next sale: the connection breaks, and it sends that sale again. */
  missNextAcknowledgement(): void {
    this.#isDeaf = true;
  }

  /** The cable is pulled: no goodbye, so that the broker sends the last will. It goes on selling. */
  goOffline(): void {
    this.#state = "offline";
    this.#hangUp();
  }

  /** The cable is back: what was sold meanwhile is told with the times at which it was sold. */
  comeBack(): void {
    this.start();
  }

  /** Switched off and on with a journal that forgot the last acknowledgements: these sales are sent again. */
  restart(forgotten = this.journal.length): void {
    this.#hangUp();
    for (const entry of this.journal.slice(-forgotten)) entry.acknowledged = false;
    this.start();
  }

  /** Something that is no sale, under an identity of its own. */
  async sendGarbage(payload: string): Promise<void> {
    await this.#client?.publishAsync(transactionTopic, payload, { qos: 1 });
  }

  /** Closes the till, saying so where it can. Idempotent; leaves no timer and no socket. */
  async stop(): Promise<void> {
    this.#state = "stopped";
    clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = undefined;
    if (client?.connected === true) client.publish(this.#stateTopic, "closed", { qos: 0, retain: true });
    await client?.endAsync(!client.connected);
  }

  get #stateTopic(): string {
    return `store/till/${this.#options.name}/state`;
  }

  #hangUp(): void {
    clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = undefined;
    client?.stream.destroy();
    client?.end(true);
  }

  #dial(): void {
    const { broker, name, user, password } = this.#options;
    clearTimeout(this.#timer);
    const client = connect(broker, {
      clientId: `till-${name}`,
      clean: true,
      keepalive: 5,
      reconnectPeriod: 0,
      connectTimeout: 5_000,
      ...(user === undefined ? {} : { username: user }),
      ...(password === undefined ? {} : { password }),
      will: { topic: this.#stateTopic, payload: Buffer.from("lost"), qos: 1, retain: true },
    });
    this.#client = client;
    // A broker that is away is the usual case after a power cut; the till tries again.
    client.on("error", () => undefined);
    client.on("connect", () => {
      client.publish(this.#stateTopic, "open", { qos: 1, retain: true });
      for (const entry of this.journal) this.#send(entry);
    });
    client.on("close", () => {
      if (this.#client !== client || this.#state !== "on") return;
      client.end(true);
      this.#timer = setTimeout(() => this.#dial(), retryMs);
    });
  }

  #send(entry: JournalEntry): void {
    const client = this.#client;
    if (client?.connected !== true || entry.acknowledged) return;
    client.publish(transactionTopic, JSON.stringify(entry.sale), { qos: 1 }, (error) => {
      if (error !== undefined && error !== null) return;
      if (this.#isDeaf) {
        this.#isDeaf = false;
        client.stream.destroy();
      } else entry.acknowledged = true;
    });
  }
}

import type { DatabaseSync } from "node:sqlite";
import type { Clock } from "../adapter-kit/clock.ts";
import type { Stored } from "../store/state-store.ts";
import type { TransactionPart } from "../store/transaction-part.ts";
import type { BrokerCounters } from "./counters.ts";
import { JournalTables, journalTables, type KeptSession } from "./journal-tables.ts";
import type { RetainedMessage } from "./retained-store.ts";
import type { OutgoingPacket } from "./session.ts";

/** What of the state store the broker needs. */
export interface JournalStore {
  join(part: TransactionPart): void;
  /** Resolves when all that was noted before is on disk, or the disk refuses it. */
  change(changes: readonly []): Promise<Stored>;
  /** What was noted is committed within 100 ms. */
  touch(): void;
}

export interface JournalOptions {
  readonly store: JournalStore;
  readonly clock: Clock;
  /** Retained messages that nobody waits for are written at most this often, each topic once; ms. */
  readonly coalesceMs: number;
  readonly counters: Pick<BrokerCounters, "journalRows">;
}

/** What a restart finds. */
export interface Restored {
  readonly sessions: readonly KeptSession[];
  readonly retained: readonly RetainedMessage[];
}

/** The changes of one session since the last commit. */
interface Draft {
  /** Undefined: as it was. */
  session?: Omit<KeptSession, "outgoing" | "inbound">;
  /** It was ended before what else is noted here. */
  readonly ended: boolean;
  readonly outgoing: Map<number, OutgoingPacket | undefined>;
  /** Of those the ones that the disk has not seen yet. */
  readonly fresh: Set<number>;
  readonly inbound: Map<number, boolean>;
}

/**
 * Sessions and retained messages on disk: notes what changes and writes it with the next commit of the state store. The memory
 * stays the truth. What the disk refuses stays noted, one entry for each thing that is there or that the disk still has: however long
 * it refuses, that is bounded as the memory is.
 */
export class Journal implements TransactionPart {
  readonly salvaged = journalTables;
  readonly #options: JournalOptions;
  readonly #stopping = new AbortController();
  #tables: JournalTables | undefined;
  #restored: Restored = { sessions: [], retained: [] };
  readonly #drafts = new Map<string, Draft>();
  readonly #sessionsOnDisk = new Set<string>();
  readonly #topicsOnDisk = new Set<string>();
  readonly #retained = new Map<string, RetainedMessage | undefined>();
  /** Topics that wait for their time. */
  #unhurried = new Map<string, RetainedMessage | undefined>();
  #isCoalescing = false;

  constructor(options: JournalOptions) {
    this.#options = options;
    options.store.join(this);
  }

  /** What was on disk; once. */
  takeRestored(): Restored {
    const restored = this.#restored;
    this.#restored = { sessions: [], retained: [] };
    return restored;
  }

  /** True once all that was noted is on disk, or the disk has refused it: the broker goes on without it then. */
  async committed(): Promise<boolean> {
    await this.#options.store.change([]);
    return true;
  }

  session(session: Omit<KeptSession, "outgoing" | "inbound">): void {
    this.#draft(session.id).session = session;
    this.#options.store.touch();
  }

  end(clientId: string): void {
    this.#drafts.delete(clientId);
    if (!this.#sessionsOnDisk.has(clientId)) return;
    this.#drafts.set(clientId, newDraft(true));
    this.#options.store.touch();
  }

  /** The packet is new to the session. */
  enqueue(clientId: string, packet: OutgoingPacket): void {
    this.#draft(clientId).fresh.add(packet.brokerCounter);
    this.outgoing(clientId, packet.brokerCounter, packet);
  }

  /** Undefined: the packet is not to be sent any more. */
  outgoing(clientId: string, brokerCounter: number, packet: OutgoingPacket | undefined): void {
    const { outgoing, fresh } = this.#draft(clientId);
    if (packet === undefined && fresh.delete(brokerCounter)) outgoing.delete(brokerCounter);
    else outgoing.set(brokerCounter, packet);
    this.#options.store.touch();
  }

  inbound(clientId: string, messageId: number, isOpen: boolean): void {
    this.#draft(clientId).inbound.set(messageId, isOpen);
    this.#options.store.touch();
  }

  /** Undefined: the topic has none any more. Somebody waits for it where `hurried`. */
  retain(topic: string, message: RetainedMessage | undefined, hurried: boolean): void {
    this.#unhurried.delete(topic);
    if (message === undefined && !this.#topicsOnDisk.has(topic)) {
      this.#retained.delete(topic);
      return;
    }
    (hurried ? this.#retained : this.#unhurried).set(topic, message);
    if (!hurried) this.#coalesce();
  }

  /** What is retained on the topic is not on disk yet. */
  isNoted(topic: string): boolean {
    return this.#retained.has(topic) || this.#unhurried.has(topic);
  }

  /** Nothing waits for its time any more: the next commit has it all. */
  stop(): void {
    this.#stopping.abort();
    this.#ripen();
  }

  get isDirty(): boolean {
    return this.#drafts.size > 0 || this.#retained.size > 0;
  }

  load(database: DatabaseSync): void {
    this.#tables = new JournalTables(database);
    this.#restored = { sessions: this.#tables.sessions(), retained: this.#tables.retained() };
    this.#sessionsOnDisk.clear();
    this.#topicsOnDisk.clear();
    for (const { id } of this.#restored.sessions) this.#sessionsOnDisk.add(id);
    for (const { topic } of this.#restored.retained) this.#topicsOnDisk.add(topic);
  }

  write(): void {
    const tables = this.#tables;
    if (tables === undefined) return;
    for (const [id, { session, ended, outgoing, inbound }] of this.#drafts) {
      if (ended) tables.end(id);
      if (session !== undefined) tables.putSession(session);
      for (const [number, packet] of outgoing) tables.putOutgoing(id, number, packet);
      for (const [messageId, isOpen] of inbound) tables.putInbound(id, messageId, isOpen);
    }
    for (const [topic, message] of this.#retained) tables.putRetained(topic, message);
  }

  stored(): void {
    const { counters } = this.#options;
    counters.journalRows += this.#retained.size;
    for (const [topic, message] of this.#retained) {
      if (message === undefined) this.#topicsOnDisk.delete(topic);
      else this.#topicsOnDisk.add(topic);
    }
    for (const [id, { session, ended, outgoing, inbound }] of this.#drafts) {
      counters.journalRows += outgoing.size + inbound.size + (ended || session !== undefined ? 1 : 0);
      if (ended && session === undefined) this.#sessionsOnDisk.delete(id);
      else this.#sessionsOnDisk.add(id);
    }
    this.#drafts.clear();
    this.#retained.clear();
  }

  #draft(clientId: string): Draft {
    let draft = this.#drafts.get(clientId);
    if (draft === undefined) {
      draft = newDraft(false);
      this.#drafts.set(clientId, draft);
    }
    return draft;
  }

  #coalesce(): void {
    if (this.#isCoalescing) return;
    this.#isCoalescing = true;
    const { clock, coalesceMs } = this.#options;
    const wait = clock.sleep(coalesceMs, this.#stopping.signal);
    void wait.then(
      () => {
        this.#isCoalescing = false;
        this.#ripen();
        this.#options.store.touch();
      },
      () => undefined,
    );
  }

  #ripen(): void {
    for (const [topic, message] of this.#unhurried) this.#retained.set(topic, message);
    this.#unhurried = new Map();
  }
}

function newDraft(ended: boolean): Draft {
  return { ended, outgoing: new Map(), fresh: new Set(), inbound: new Map() };
}

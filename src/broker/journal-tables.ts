import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite";
import type { SalvagedTable } from "../store/salvage.ts";
import type { RetainedMessage } from "./retained-store.ts";
import type { OutgoingPacket, StoredSubscription } from "./session.ts";

/** A session as it stands on disk. */
export interface KeptSession {
  readonly id: string;
  readonly user: string;
  /** When its client went, in Unix ms; undefined while it is connected. */
  readonly leftAt: number | undefined;
  readonly subscriptions: readonly StoredSubscription[];
  /** In their order. */
  readonly outgoing: readonly OutgoingPacket[];
  /** Identifiers of QoS 2 messages taken but not released. */
  readonly inbound: readonly number[];
}

type Row = Record<string, SQLOutputValue>;

const schema = `
CREATE TABLE IF NOT EXISTS mqtt_session (client TEXT PRIMARY KEY, user TEXT NOT NULL, left_at INTEGER, subscriptions TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mqtt_outgoing (
  client TEXT NOT NULL, n INTEGER NOT NULL, cmd TEXT NOT NULL, message_id INTEGER, qos INTEGER NOT NULL, topic TEXT NOT NULL, payload BLOB NOT NULL,
  PRIMARY KEY (client, n));
CREATE TABLE IF NOT EXISTS mqtt_inbound (client TEXT NOT NULL, message_id INTEGER NOT NULL, PRIMARY KEY (client, message_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mqtt_retained (topic TEXT PRIMARY KEY, qos INTEGER NOT NULL, payload BLOB NOT NULL);
`;

/** Each row means something by itself: a session without one of its messages is still that session. */
export const journalTables: readonly SalvagedTable[] = [
  { name: "mqtt_session", key: ["client"] },
  { name: "mqtt_outgoing", key: ["rowid"] },
  { name: "mqtt_inbound", key: ["client", "message_id"] },
  { name: "mqtt_retained", key: ["rowid"] },
];

const sql = {
  sessions: "SELECT client, user, left_at, subscriptions FROM mqtt_session ORDER BY left_at IS NULL, left_at",
  outgoing: "SELECT n, cmd, message_id, qos, topic, payload FROM mqtt_outgoing WHERE client = ? ORDER BY n",
  inbound: "SELECT message_id FROM mqtt_inbound WHERE client = ?",
  retained: "SELECT topic, qos, payload FROM mqtt_retained ORDER BY rowid",
  putSession:
    "INSERT OR REPLACE INTO mqtt_session (client, user, left_at, subscriptions) VALUES (?, ?, ?, ?)",
  putOutgoing:
    "INSERT OR REPLACE INTO mqtt_outgoing (client, n, cmd, message_id, qos, topic, payload) VALUES (?, ?, ?, ?, ?, ?, ?)",
  putInbound: "INSERT OR IGNORE INTO mqtt_inbound (client, message_id) VALUES (?, ?)",
  putRetained: "INSERT OR REPLACE INTO mqtt_retained (topic, qos, payload) VALUES (?, ?, ?)",
  endSession: "DELETE FROM mqtt_session WHERE client = ?",
  endOutgoing: "DELETE FROM mqtt_outgoing WHERE client = ?",
  endInbound: "DELETE FROM mqtt_inbound WHERE client = ?",
  dropOutgoing: "DELETE FROM mqtt_outgoing WHERE client = ? AND n = ?",
  dropInbound: "DELETE FROM mqtt_inbound WHERE client = ? AND message_id = ?",
  dropRetained: "DELETE FROM mqtt_retained WHERE topic = ?",
};

/** The broker's tables: nothing but their SQL, each statement prepared once. */
export class JournalTables {
  readonly #statements: Record<keyof typeof sql, StatementSync>;

  constructor(database: DatabaseSync) {
    database.exec(schema);
    const entries = Object.entries(sql).map(([name, text]) => [name, database.prepare(text)] as const);
    this.#statements = Object.fromEntries(entries) as Record<keyof typeof sql, StatementSync>;
  }

  /** Those longest away first, those that were connected last. */
  sessions(): KeptSession[] {
    return this.#statements.sessions.all().map((row) => {
      const id = String(row["client"]);
      return {
        id,
        user: String(row["user"]),
        leftAt: row["left_at"] === null ? undefined : Number(row["left_at"]),
        subscriptions: JSON.parse(String(row["subscriptions"])) as StoredSubscription[],
        outgoing: this.#statements.outgoing.all(id).map(packetOf),
        inbound: this.#statements.inbound.all(id).map((open) => Number(open["message_id"])),
      };
    });
  }

  retained(): RetainedMessage[] {
    return this.#statements.retained.all().map((row) => ({
      cmd: "publish",
      topic: String(row["topic"]),
      payload: bytesOf(row),
      qos: qosOf(row),
      retain: true,
      dup: false,
    }));
  }

  putSession({ id, user, leftAt, subscriptions }: Omit<KeptSession, "outgoing" | "inbound">): void {
    this.#statements.putSession.run(id, user, leftAt ?? null, JSON.stringify(subscriptions));
  }

  end(client: string): void {
    for (const name of ["endSession", "endOutgoing", "endInbound"] as const)
      this.#statements[name].run(client);
  }

  putOutgoing(client: string, number: number, packet: OutgoingPacket | undefined): void {
    if (packet === undefined) this.#statements.dropOutgoing.run(client, number);
    else {
      const { cmd, messageId, qos, topic, payload } = packet;
      this.#statements.putOutgoing.run(client, number, cmd, messageId ?? null, qos, topic, payload);
    }
  }

  putInbound(client: string, messageId: number, isOpen: boolean): void {
    this.#statements[isOpen ? "putInbound" : "dropInbound"].run(client, messageId);
  }

  putRetained(topic: string, message: RetainedMessage | undefined): void {
    if (message === undefined) this.#statements.dropRetained.run(topic);
    else this.#statements.putRetained.run(topic, message.qos, message.payload);
  }
}

function packetOf(row: Row): OutgoingPacket {
  const messageId = row["message_id"];
  return {
    cmd: row["cmd"] === "pubrel" ? "pubrel" : "publish",
    messageId: messageId === null ? undefined : Number(messageId),
    brokerCounter: Number(row["n"]),
    topic: String(row["topic"]),
    payload: bytesOf(row),
    qos: qosOf(row),
    retain: false,
    dup: false,
  };
}

function qosOf(row: Row): 0 | 1 | 2 {
  const qos = Number(row["qos"]);
  return qos === 2 ? 2 : qos === 1 ? 1 : 0;
}

/** A copy of its own: what SQLite hands out is one already. */
function bytesOf(row: Row): Buffer {
  const { payload } = row;
  return payload instanceof Uint8Array
    ? Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
    : Buffer.alloc(0);
}

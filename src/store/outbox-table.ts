import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite";
import type { Ack, Backlog, KeptBacklog, OutboxRow, StreamName } from "./outbox-row.ts";

type Row = Record<string, SQLOutputValue>;

/** Rows taken out to make room. */
export interface Cut {
  readonly n: number;
  readonly stream: StreamName;
  readonly bytes: number;
  readonly acked: boolean;
}

/** What of a stream may be deleted: rows acknowledged long enough ago. */
export interface Released extends KeptBacklog {
  readonly stream: StreamName;
  readonly incarnation: number;
  /** The highest place in the stream. */
  readonly seq: number;
}

/** The outbox on disk: nothing but its SQL, each statement prepared once. */
export class OutboxTable {
  readonly #statements: Record<keyof typeof sql, StatementSync>;
  /** Below, nothing of the stream gives way: many promised rows may stand there, and are not to be read each time. */
  readonly #cutFrom: Record<StreamName, number> = { EVENTS: 0, BATCHES: 0 };

  constructor(database: DatabaseSync) {
    const entries = Object.entries(sql).map(([name, text]) => [name, database.prepare(text)] as const);
    this.#statements = Object.fromEntries(entries) as Record<keyof typeof sql, StatementSync>;
  }

  /** The highest number ever given. */
  last(): number {
    return Number(this.#statements.last.get()?.["n"] ?? 0);
  }

  /** What waits for its ack, and what is kept after it. */
  totals(): readonly (Backlog & Pick<Cut, "stream" | "acked"> & Pick<OutboxRow, "isPromised">)[] {
    return this.#statements.totals.all().map((row) => ({
      stream: streamOf(row),
      acked: Number(row["acked"]) === 1,
      isPromised: Number(row["promised"]) === 1,
      rows: Number(row["rows"]),
      bytes: Number(row["bytes"]),
    }));
  }

  insert({ n, stream, bytes, isPromised, queuedAt, id, subject, headers, payload }: OutboxRow): void {
    const json = Object.keys(headers).length === 0 ? null : JSON.stringify(headers);
    this.#statements.insert.run(n, stream, bytes, queuedAt, Number(isPromised), id, subject, json, payload);
  }

  /** In order, those without an ack, after a number. */
  read(stream: StreamName, after: number, most: number): OutboxRow[] {
    return this.#statements.read.all(stream, after, most).map(rowOf);
  }

  /** When the oldest without an ack was queued, in Unix ms. */
  oldest(stream: StreamName): number | undefined {
    const at = this.#statements.oldest.get(stream)?.["queued_at"];
    return at === undefined ? undefined : Number(at);
  }

  /** False where it is not there any more. */
  remove(n: number): boolean {
    return Number(this.#statements.remove.run(n).changes) > 0;
  }

  /** False where it is not there any more. */
  keep({ n, seq }: Ack, incarnation: number, ackedAt: number): boolean {
    return Number(this.#statements.keep.run(ackedAt, incarnation, seq, n).changes) > 0;
  }

  /** Acked rows of a stream that are not there after all wait again. */
  requeue(stream: StreamName, incarnation: number, aboveSeq: number): KeptBacklog {
    this.#cutFrom[stream] = 0;
    const lost = keptOf(this.#statements.lost.get(stream, incarnation, aboveSeq));
    this.#statements.requeue.run(stream, incarnation, aboveSeq);
    return lost;
  }

  /** Deletes what was acknowledged at that time or before. */
  release(ackedUntil: number): readonly Released[] {
    const released = this.#statements.releasable.all(ackedUntil).map((row) => ({
      ...keptOf(row),
      stream: streamOf(row),
      incarnation: Number(row["incarnation"]),
      seq: Number(row["seq"]),
    }));
    if (released.length > 0) this.#statements.release.run(ackedUntil);
    return released;
  }

  /** No ack is younger than now: the clock was set back. */
  ackedNoLaterThan(now: number): void {
    this.#statements.clamp.run(now, now);
  }

  /**
   * Deletes the oldest until so many bytes are free: those with an ack first, then those of `streams`, one after the other. What
   * was promised stays.
   */
  cut(bytes: number, streams: readonly StreamName[]): Cut[] {
    const cut: Cut[] = [];
    let freed = 0;
    const take = (rows: Iterable<Row>, acked: boolean) => {
      for (const row of rows) {
        if (freed >= bytes) return;
        const gone = { n: Number(row["n"]), stream: streamOf(row), bytes: Number(row["bytes"]), acked };
        freed += gone.bytes;
        cut.push(gone);
      }
    };
    take(this.#statements.ackedFirst.iterate(), true);
    for (const stream of streams) {
      if (freed >= bytes) break;
      const before = cut.length;
      take(this.#statements.oldestFirst.iterate(stream, this.#cutFrom[stream]), false);
      this.#cutFrom[stream] = cut[before]?.n ?? this.#cutFrom[stream];
    }
    for (const { n } of cut) this.remove(n);
    return cut;
  }
}

/** Whether a row was promised; of an earlier version's nobody knows, and any device's event may have been. */
const promised = "CASE stream WHEN 'EVENTS' THEN coalesce(promised, subject GLOB 'event.*') ELSE 0 END";
const kept = `count(*) AS rows, coalesce(sum(bytes), 0) AS bytes, coalesce(sum(bytes * ${promised}), 0) AS promised_bytes`;

const sql = {
  last: "SELECT max(coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'outbox'), 0), coalesce((SELECT max(n) FROM outbox), 0)) AS n",
  totals: `SELECT stream, acked_at IS NOT NULL AS acked, ${promised} AS promised, count(*) AS rows, sum(bytes) AS bytes FROM outbox GROUP BY 1, 2, 3`,
  insert:
    "INSERT INTO outbox (n, stream, bytes, queued_at, promised, id, subject, headers, payload) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
  read: `SELECT n, stream, bytes, queued_at, ${promised} AS promised, id, subject, headers, payload FROM outbox WHERE stream = ? AND n > ? AND acked_at IS NULL ORDER BY n LIMIT ?`,
  oldest: "SELECT queued_at FROM outbox WHERE stream = ? AND acked_at IS NULL ORDER BY n LIMIT 1",
  remove: "DELETE FROM outbox WHERE n = ?",
  keep: "UPDATE outbox SET acked_at = ?, incarnation = ?, seq = ? WHERE n = ?",
  lost: `SELECT ${kept} FROM outbox WHERE acked_at IS NOT NULL AND stream = ? AND incarnation = ? AND seq > ?`,
  requeue:
    "UPDATE outbox SET acked_at = NULL, incarnation = NULL, seq = NULL WHERE acked_at IS NOT NULL AND stream = ? AND incarnation = ? AND seq > ?",
  releasable: `SELECT stream, incarnation, max(seq) AS seq, ${kept} FROM outbox WHERE acked_at <= ? GROUP BY stream, incarnation`,
  release: "DELETE FROM outbox WHERE acked_at <= ?",
  clamp: "UPDATE outbox SET acked_at = ? WHERE acked_at > ?",
  ackedFirst: `SELECT n, stream, bytes FROM outbox WHERE acked_at IS NOT NULL AND NOT ${promised} ORDER BY n`,
  oldestFirst: `SELECT n, stream, bytes FROM outbox WHERE stream = ? AND n >= ? AND acked_at IS NULL AND NOT ${promised} ORDER BY n`,
};

function streamOf(row: Row): StreamName {
  return row["stream"] === "EVENTS" ? "EVENTS" : "BATCHES";
}

function keptOf(row: Row | undefined): KeptBacklog {
  const number = (name: string) => Number(row?.[name] ?? 0);
  return { rows: number("rows"), bytes: number("bytes"), promisedBytes: number("promised_bytes") };
}

function rowOf(row: Row): OutboxRow {
  const { headers, payload } = row;
  return {
    n: Number(row["n"]),
    stream: streamOf(row),
    bytes: Number(row["bytes"]),
    isPromised: Number(row["promised"]) === 1,
    queuedAt: Number(row["queued_at"]),
    id: String(row["id"]),
    subject: String(row["subject"]),
    headers: headersOf(headers),
    payload: payload instanceof Uint8Array ? payload : Buffer.from(String(payload)),
  };
}

/** Headers that a damaged disk has spoilt are not worth the message, nor those behind it. */
function headersOf(json: SQLOutputValue | undefined): Record<string, string> {
  if (typeof json !== "string") return {};
  try {
    return JSON.parse(json) as Record<string, string>;
  } catch {
    return {};
  }
}

import { mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { GatewayError } from "../domain/errors.ts";

/** Nobody else writes to the file; whoever does all the same holds the gateway up for this long at most. */
const busyMs = 50;
/** https://www.sqlite.org/rescode.html: SQLITE_CORRUPT, SQLITE_NOTADB, and SQLITE_ERROR, where its tables are not what they were. */
const corrupt = new Set([11, 26, 1]);

/** A larger file is not looked through: the gateway is not to be kept from its start for long. */
const mostChecked = 64_000_000;

const schema = `
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS state (scope TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (scope, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outbox (
  n INTEGER PRIMARY KEY AUTOINCREMENT, stream TEXT NOT NULL, bytes INTEGER NOT NULL, queued_at INTEGER NOT NULL,
  acked_at INTEGER, incarnation INTEGER, seq INTEGER, promised INTEGER,
  id TEXT NOT NULL, subject TEXT NOT NULL, headers TEXT, payload BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS outbox_acked ON outbox (acked_at) WHERE acked_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS epoch (epoch TEXT NOT NULL);
`;

export interface OpenedDatabase {
  readonly database: DatabaseSync;
  /** Made once for each file. */
  readonly epoch: string;
  /** The path of the write-ahead log. SQLite syncs it before what is in it goes to the file; a commit is not synced. */
  readonly log: string;
}

/** Opens the file, makes what is missing, and has `load` read it. Throws what SQLite or the disk says. */
function open(path: string, newEpoch: () => string, load: (opened: OpenedDatabase) => void): OpenedDatabase {
  // A clean end leaves no log.
  const endedUncleanly = sizeOf(`${path}-wal`) > 0 && sizeOf(path) <= mostChecked;
  const database = new DatabaseSync(path, { timeout: busyMs });
  try {
    if (endedUncleanly) requireSound(database);
    database.exec(schema);
    addColumn(database, "outbox", "promised INTEGER");
    const select = database.prepare("SELECT epoch FROM epoch");
    if (select.get() === undefined) database.prepare("INSERT INTO epoch VALUES (?)").run(newEpoch());
    database.exec("PRAGMA synchronous = NORMAL");
    const opened = { database, epoch: String(select.get()?.["epoch"]), log: `${path}-wal` };
    load(opened);
    return opened;
  } catch (caught) {
    database.close();
    throw caught;
  }
}

export interface DatabaseOptions {
  readonly path: string;
  /** A random text for a new file. */
  readonly newEpoch: () => string;
  /** Unix ms: part of the name of a file that is set aside. */
  readonly now: number;
  /** Reads what the file holds. Is called again, with a new file, where it throws because the first was corrupt. */
  readonly load: (opened: OpenedDatabase) => void;
  /** A corrupt file was renamed to this. */
  readonly onSetAside: (to: string, error: unknown) => void;
  /** Takes over into a new file what can still be read in the one that was set aside, before `load`. */
  readonly takeOver: (from: string, into: DatabaseSync) => void;
}

/** The gateway's one SQLite file. A corrupt one is kept under another name, and a new one begun with what can be taken over. */
export function openDatabase({
  path,
  newEpoch,
  now,
  load,
  onSetAside,
  takeOver,
}: DatabaseOptions): OpenedDatabase {
  mkdirSync(dirname(path), { recursive: true });
  try {
    return open(path, newEpoch, load);
  } catch (caught) {
    if (!isCorrupt(caught)) throw caught;
    const to = `${path}.corrupt-${new Date(now).toISOString().replaceAll(/[:.]/g, "-")}`;
    renameSync(path, to);
    // What was not taken over from the log yet belongs to that file, and would spoil a new one.
    for (const ending of ["-wal", "-shm"]) setAside(path + ending, to + ending);
    onSetAside(to, caught);
    try {
      return open(path, newEpoch, (opened) => {
        takeOver(to, opened.database);
        load(opened);
      });
    } catch {
      // What was taken over is no good after all.
      for (const ending of ["", "-wal", "-shm"]) rmSync(path + ending, { force: true });
      return open(path, newEpoch, load);
    }
  }
}

/**
 * Brings all that is committed to the file itself. After a sync that failed a second one proves nothing: Linux takes the pages
 * for written. Throws what the disk says.
 */
export function rewrite(database: DatabaseSync): void {
  const done = database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").get();
  if (done?.["busy"] !== 0) throw new GatewayError("STORE_FULL", "somebody else reads the file");
}

/** Throws where pages are damaged that `load` would not come by. https://www.sqlite.org/pragma.html#pragma_quick_check */
function requireSound(database: DatabaseSync): void {
  const found = database.prepare("PRAGMA quick_check(1)").get()?.["quick_check"];
  if (found !== "ok") throw new DamagedFile(String(found));
}

/** A file of an earlier version: its rows have null there. */
function addColumn(database: DatabaseSync, table: string, column: string): void {
  const columns = database.prepare(`PRAGMA table_info(${table})`).all();
  if (columns.some(({ name }) => name === column.split(" ")[0])) return;
  database.exec(`ALTER TABLE ${table} ADD COLUMN ${column}`);
}

class DamagedFile extends Error {}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function setAside(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch {
    rmSync(from, { force: true });
  }
}

function isCorrupt(caught: unknown): boolean {
  // What was written as JSON does not read as it.
  if (caught instanceof DamagedFile || caught instanceof SyntaxError) return true;
  return caught instanceof Error && "errcode" in caught && corrupt.has(Number(caught.errcode) & 0xff);
}

import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { isDeepStrictEqual } from "node:util";

/** A table whose rows mean something by themselves: those that can still be read are taken over from a damaged file. */
export interface SalvagedTable {
  readonly name: string;
  /** The columns that it is stored in the order of: `rowid`, or the primary key of a table without one. */
  readonly key: readonly string[];
  /** SQL, of the rows that are wanted; absent: all. */
  readonly where?: string;
}

/** Rows of one transaction. */
const atOnce = 500;

type Key = readonly SQLInputValue[];

/**
 * Copies what can be read of those tables from a damaged file, row by row, into another one, and returns how many rows of each. Damage is
 * gone around: the keys are read from both ends, and a row that can't be read costs itself alone. Throws where the other file
 * can't be written; what is in it by then stays.
 */
export function salvage(
  damaged: string,
  into: DatabaseSync,
  tables: readonly SalvagedTable[],
): ReadonlyMap<string, number> {
  const from = readable(() => new DatabaseSync(damaged, { readOnly: true }));
  if (from === undefined) return new Map();
  try {
    return new Map(tables.map((table) => [table.name, copy(from, into, table)]));
  } finally {
    from.close();
  }
}

function copy(from: DatabaseSync, into: DatabaseSync, table: SalvagedTable): number {
  const copyRow = rowCopier(from, into, table);
  let copied = 0;
  if (copyRow !== undefined)
    for (const page of paged(keysOf(from, table)))
      copied += inTransaction(into, () => sum(page.map(copyRow)));
  return copied;
}

/** Copies the row of a key, and says how many that were; undefined where the damaged file has no such table. */
function rowCopier(
  from: DatabaseSync,
  into: DatabaseSync,
  { name, key }: SalvagedTable,
): ((one: Key) => number) | undefined {
  const made = tableIn(from, name);
  if (made === undefined) return undefined;
  if (tableIn(into, name) === undefined) into.exec(made);
  const known = new Set(columnsOf(into, name));
  const columns = columnsOf(from, name).filter((column) => known.has(column));
  const list = columns.join(", ");
  const byKey = key.map((column) => `${column} = ?`).join(" AND ");
  const read = readable(() => from.prepare(`SELECT ${list} FROM ${name} NOT INDEXED WHERE ${byKey}`));
  if (read === undefined) return undefined;
  const values = columns.map(() => "?").join(", ");
  const insert = into.prepare(`INSERT OR IGNORE INTO ${name} (${list}) VALUES (${values})`);
  return (one) => {
    const row = readable(() => read.get(...one));
    return row === undefined
      ? 0
      : Number(insert.run(...columns.map((column) => row[column] ?? null)).changes);
  };
}

/** The SQL that made a table; undefined where there is none. */
function tableIn(database: DatabaseSync, table: string): string | undefined {
  const sql = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?";
  const made = readable(() => database.prepare(sql).get(table)?.["sql"]);
  return typeof made === "string" ? made : undefined;
}

function columnsOf(database: DatabaseSync, table: string): string[] {
  const rows = readable(() => database.prepare(`PRAGMA table_info(${table})`).all()) ?? [];
  return rows.map(({ name }) => String(name));
}

function inTransaction(database: DatabaseSync, work: () => number): number {
  database.exec("BEGIN");
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (caught) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw caught;
  }
}

function* paged(keys: Iterable<Key>): Generator<readonly Key[]> {
  let page: Key[] = [];
  for (const key of keys) {
    page.push(key);
    if (page.length < atOnce) continue;
    yield page;
    page = [];
  }
  yield page;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** From the first up to the damage, and from the last down to it; in the table's order. */
function* keysOf(from: DatabaseSync, table: SalvagedTable): Generator<Key> {
  let reached: Key = [];
  for (const key of scan(from, table, "ASC")) {
    reached = key;
    yield key;
  }
  const behind: Key[] = [];
  for (const key of scan(from, table, "DESC")) {
    if (isDeepStrictEqual(key, reached)) break;
    behind.push(key);
  }
  yield* behind.toReversed();
}

/** Ends where the damage is. */
function* scan(
  from: DatabaseSync,
  { name, key, where = "1" }: SalvagedTable,
  order: "ASC" | "DESC",
): Generator<Key> {
  const by = key.map((column) => `${column} ${order}`).join(", ");
  const select = `SELECT ${key.join(", ")} FROM ${name} NOT INDEXED WHERE ${where} ORDER BY ${by}`;
  const rows = readable(() => from.prepare(select).iterate());
  for (let row = readable(() => rows?.next()); row?.done === false; row = readable(() => rows?.next()))
    yield Object.values(row.value);
}

/** Undefined where the damage is. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

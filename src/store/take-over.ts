import type { DatabaseSync } from "node:sqlite";
import { streamNames } from "./outbox-row.ts";
import { salvage, type SalvagedTable } from "./salvage.ts";
import { StateTable } from "./state-table.ts";
import { beginKey, markChange, outboxScope, readMark } from "./stream-mark.ts";

/** Of the state the marks alone: half of what a line or an alert knows is worth less than none of it. */
const own: readonly SalvagedTable[] = [
  { name: "outbox", key: ["n"] },
  { name: "state", key: ["scope", "key"], where: `scope = '${outboxScope}'` },
];

/**
 * Takes over what must reach JetStream from a corrupt file, and what the parts name. Returns how many rows of each table; throws
 * where the disk refuses.
 */
export function takeOver(
  damaged: string,
  database: DatabaseSync,
  parts: readonly SalvagedTable[],
): Readonly<Record<string, number>> {
  try {
    const rows = salvage(damaged, database, [...own, ...parts]);
    return Object.fromEntries([...rows].filter(([name]) => name !== "state"));
  } finally {
    sendAgain(database);
  }
}

/**
 * No ack in a damaged file is believed: all wait again, and the stream is looked through for them from the last place that is
 * surely past, or as far as it goes.
 */
function sendAgain(database: DatabaseSync): void {
  database.exec("UPDATE outbox SET acked_at = NULL, incarnation = NULL, seq = NULL");
  const state = new StateTable(database);
  const kept = new Map(state.all().map(({ key, value }) => [key, value ?? undefined]));
  const marks = streamNames.map((stream) => {
    const mark = readMark(kept.get(stream)) ?? { incarnation: 1, created: "", deleted: 0 };
    return markChange(stream, { ...mark, acked: mark.deleted });
  });
  const last = Number(database.prepare("SELECT max(n) AS n FROM outbox").get()?.["n"] ?? 0);
  state.write([...marks, { scope: outboxScope, key: beginKey, value: String(last + 1) }]);
}

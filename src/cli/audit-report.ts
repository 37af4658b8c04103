import { printable } from "./printable.ts";

/** One entry as a row: time, tag, from, to, by, outcome. */
export type AuditRow = readonly [string, string, string, string, string, string];

/** An entry of the audit for people. What is not there is an empty cell. */
export function auditRow(fields: Readonly<Record<string, unknown>>): AuditRow {
  const { timestamp, kind, tag, before, value } = fields;
  const time = typeof timestamp === "number" ? new Date(timestamp).toISOString() : "";
  const what = kind === "write" ? text(tag) : `${text(kind)} ${text(tag)}`.trim();
  return [time, what, text(before), text(value), writer(fields), outcome(fields)];
}

function text(value: unknown): string {
  if (value === undefined) return "";
  return printable(typeof value === "string" ? value : JSON.stringify(value));
}

/** A claim is shown as one. */
function writer({ by, user, claimedBy, client, via, why }: Readonly<Record<string, unknown>>): string {
  const known = by ?? user;
  const who =
    known === undefined
      ? claimedBy === undefined
        ? text(client ?? via)
        : `"${text(claimedBy)}" (${text(via)})`
      : text(known);
  return why === undefined ? who : `${who}: ${text(why)}`;
}

function outcome({
  ok,
  dryRun,
  retried,
  readBack,
  reason,
  code,
  message,
}: Readonly<Record<string, unknown>>): string {
  if (ok === true) {
    if (dryRun === true) return "dry run";
    const held = readBack === undefined ? "written" : `written, reads ${text(readBack)}`;
    return retried === true ? `${held}, at the second try` : held;
  }
  return ok === false ? `${text(reason ?? code)}: ${text(message)}` : "";
}

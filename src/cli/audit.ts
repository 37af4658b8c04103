import { join, resolve } from "node:path";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { loadSite } from "../config/load-site.ts";
import { parseDuration } from "../domain/duration.ts";
import { GatewayError } from "../domain/errors.ts";
import { readEntry } from "../services/audit/audit-entry.ts";
import { listSegments, readSegment } from "../services/audit/audit-files.ts";
import { auditFolder, auditScope, readMarks, segmentKind } from "../services/audit/audit-segment.ts";
import { verifyChain, type ChainReport, type SegmentText } from "../services/audit/verify-chain.ts";
import { readState } from "../store/read-state.ts";
import { auditRow, type AuditRow } from "./audit-report.ts";
import { table } from "./table.ts";

const usage = `linegate audit verify DIR [--json]
linegate audit list DIR [--since 2h|2026-11-22T08:00] [--json]

verify  follows the chain of the audit of a site folder and names the first line that was changed, removed, added or moved.
        Exit 1 where there is one.
list    prints what was written or tried to be, the oldest first. --json: the entries as they are recorded, one a line.`;

const columns = ["TIME", "TAG", "FROM", "TO", "BY", "OUTCOME"].map((heading) => ({ heading }));

/** `linegate audit verify|list DIR`. */
export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: {
      since: { type: "string" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", short: "h" },
    },
    allowPositionals: true,
  });
  if (values.help === true) {
    console.log(usage);
    return 0;
  }
  const [what, dir, ...more] = positionals;
  if (dir === undefined || more.length > 0 || (what !== "verify" && what !== "list")) {
    throw new GatewayError(
      "CONFIG_INVALID",
      `linegate audit takes verify or list, and a site folder.\n\n${usage}`,
    );
  }
  const data = await dataFolder(dir);
  if (what === "verify") return verify(data, values.json);
  const since = values.since === undefined ? 0 : sinceOf(values.since, Date.now());
  return list(join(data, auditFolder), since, values.json);
}

/** Where the site keeps its data; the usual place where its files have mistakes. */
async function dataFolder(dir: string): Promise<string> {
  const loaded = await loadSite(dir);
  const store = loaded.ok ? loaded.site.gateway.nats.embedded.store : "data";
  return resolve(dir, store);
}

async function* segmentsIn(dir: string): AsyncGenerator<SegmentText> {
  for (const number of await listSegments(dir)) yield await readSegment(dir, number);
}

async function follow(data: string, dir: string): Promise<ChainReport> {
  // First the marks, then the files: what a running gateway adds meanwhile comes after them.
  const marks = readMarks(await readState(data, auditScope));
  const report = await verifyChain(segmentsIn(dir), marks);
  if (report.breach === undefined) return report;
  // One that was started meanwhile, or removed what is too old, is no forger.
  const now = readMarks(await readState(data, auditScope));
  return isDeepStrictEqual(now, marks) ? report : verifyChain(segmentsIn(dir), now);
}

async function verify(data: string, json: boolean): Promise<number> {
  const dir = join(data, auditFolder);
  const { entries, segments, breach, notes } = await follow(data, dir);
  if (json) {
    console.log(JSON.stringify({ ok: breach === undefined, entries, segments, breach, notes }));
    return breach === undefined ? 0 : 1;
  }
  for (const note of notes) console.log(`note: ${note}`);
  if (breach === undefined) {
    console.log(`${dir}: ${entries} entries in ${segments} segments, the chain is whole.`);
    return 0;
  }
  console.log(`${join(dir, breach.file)}:${breach.line}: ${breach.problem}.`);
  console.log(`The ${entries} entries before it are whole.`);
  return 1;
}

async function list(dir: string, since: number, json: boolean): Promise<number> {
  const rows: AuditRow[] = [];
  for await (const { text } of segmentsIn(dir)) {
    for (const line of text.split("\n")) {
      const fields = readEntry(line)?.fields;
      if (fields === undefined || fields["kind"] === segmentKind || Number(fields["timestamp"]) < since)
        continue;
      if (json) console.log(line);
      else rows.push(auditRow(fields));
    }
  }
  if (!json) console.log(rows.length === 0 ? "Nothing was recorded." : table(columns, rows));
  return 0;
}

/** `2h` before now, or a date that JavaScript reads. */
function sinceOf(text: string, now: number): number {
  const span = parseDuration(text);
  const at = span === undefined ? Date.parse(text) : now - span;
  if (!Number.isNaN(at)) return at;
  throw new GatewayError(
    "CONFIG_INVALID",
    `--since takes a duration such as 2h, or a time such as 2026-11-22T08:00.`,
  );
}

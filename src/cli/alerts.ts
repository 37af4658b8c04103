import { readFile } from "node:fs/promises";
import { relative } from "node:path";
import { parseArgs } from "node:util";
import { planImport } from "../config/import-alerts.ts";
import { loadSite } from "../config/load-site.ts";
import { replaceFile } from "../config/replace-file.ts";
import { alertsCsv } from "../config/write-csv-alerts.ts";
import { GatewayError } from "../domain/errors.ts";
import { printIssues } from "./issue-text.ts";

const usage = `linegate alerts export DIR [FILE.csv]
linegate alerts import DIR FILE.csv [--dry-run]

export  prints the alerts of a site folder as CSV, or writes them to a file, to be edited in a spreadsheet.
import  takes the alerts of a CSV file in place of those that alerts.yaml has, or the CSV file that it names. The whole folder is
        checked with them first: where there is a mistake all are told, nothing is changed, and the exit code is 1. A
        running gateway takes the new alerts without touching a device.

  --dry-run  checks, and tells what would change`;

/** `linegate alerts export|import DIR`. */
export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { "dry-run": { type: "boolean", default: false }, help: { type: "boolean", short: "h" } },
    allowPositionals: true,
  });
  if (values.help === true) {
    console.log(usage);
    return 0;
  }
  const [what, dir, file, ...more] = positionals;
  if (dir !== undefined && more.length === 0) {
    if (what === "export" && !values["dry-run"]) return exportAlerts(dir, file);
    if (what === "import" && file !== undefined) return importAlerts(dir, file, values["dry-run"]);
  }
  throw new GatewayError(
    "CONFIG_INVALID",
    `linegate alerts takes export or import, a site folder and a CSV file.\n\n${usage}`,
  );
}

async function exportAlerts(dir: string, file: string | undefined): Promise<number> {
  const loaded = await loadSite(dir);
  if (!loaded.ok) {
    printIssues(dir, loaded.issues);
    return 1;
  }
  const alerts = loaded.site.alerts?.alerts ?? [];
  const text = alertsCsv(alerts);
  if (file === undefined) process.stdout.write(text);
  else {
    await replaceFile(file, text);
    console.log(`${file}: ${counted(alerts.length)}`);
  }
  return 0;
}

async function importAlerts(dir: string, file: string, dryRun: boolean): Promise<number> {
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new GatewayError("CONFIG_INVALID", `${file} can't be read.`, { cause });
  });
  const plan = await planImport(dir, { file, text });
  if (!plan.ok) {
    printIssues(dir, plan.issues);
    console.error("Nothing was changed.");
    return 1;
  }
  const { diff, after } = plan;
  for (const kind of ["added", "changed", "removed"] as const) {
    if (diff[kind].length > 0) console.log(`${`${kind}:`.padEnd(9)}${diff[kind].join(", ")}`);
  }
  if (!dryRun) await replaceFile(plan.file, plan.text);
  const unchanged = after.alerts.length - diff.added.length - diff.changed.length;
  const what = dryRun ? "would have" : "has";
  console.log(
    `${relative(".", plan.file)} ${what} ${counted(after.alerts.length)}, ${unchanged} of them as before`,
  );
  return 0;
}

function counted(count: number): string {
  return count === 1 ? "1 alert" : `${count} alerts`;
}

import { loadSite } from "../config/load-site.ts";
import { cleanReport, issueReport } from "./issue-text.ts";
import { siteArguments } from "./site-arguments.ts";

const usage = `linegate check DIR [--json]

Reads a site folder and prints every mistake in it: file, line and column, what is wrong, what is allowed, and the nearest
name that was perhaps meant. Nothing is started. Exit 1 where there is a mistake.

  --json  one object for tools: {"ok":…,"devices":…,"tags":…,"alerts":…,"ledgers":…,"issues":[{"file","line","column","path","message","allowed","meant"}]}`;

/** `linegate check DIR`: every mistake of a site folder. */
export async function run(args: readonly string[]): Promise<number> {
  const given = siteArguments("check", args);
  if (given === undefined) {
    console.log(usage);
    return 0;
  }
  const { dir, json } = given;
  const loaded = await loadSite(dir);
  const devices = loaded.ok ? loaded.site.devices : [];
  const tags = devices.reduce((sum, device) => sum + device.tags.length, 0);
  const alerts = loaded.ok ? loaded.site.alerts?.alerts.length : undefined;
  const ledgers = loaded.ok ? loaded.site.ledgers?.ledgers.length : undefined;
  const issues = loaded.ok ? [] : loaded.issues;
  if (json) {
    // With mistakes nothing can be said about what the folder holds.
    const counts = loaded.ok
      ? { devices: devices.length, tags, alerts: alerts ?? 0, ledgers: ledgers ?? 0 }
      : { devices: null, tags: null, alerts: null, ledgers: null };
    console.log(JSON.stringify({ ok: loaded.ok, ...counts, issues }));
  } else if (loaded.ok) {
    console.log(cleanReport(dir, { device: devices.length, tag: tags, alert: alerts, ledger: ledgers }));
  } else {
    console.log(issueReport(dir, issues));
  }
  return loaded.ok ? 0 : 1;
}

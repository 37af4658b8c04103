import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { GatewayError } from "../domain/errors.ts";
import { diffAlerts, type AlertsDiff } from "./alerts-diff.ts";
import { alertsSchema } from "./alerts-schema.ts";
import type { AlertsConfig } from "./alerts.ts";
import { alertsFile, type OtherAlerts } from "./load-alerts.ts";
import { loadSite, type LoadOptions } from "./load-site.ts";
import { Mistakes } from "./mistakes.ts";
import { toAlerts } from "./read-alerts.ts";
import type { ConfigIssue } from "./site.ts";
import { sourceAt } from "./source.ts";
import { SiteFolder } from "./site-folder.ts";
import { validate } from "./validate.ts";
import { withAlerts } from "./write-yaml-alerts.ts";
import { readYaml } from "./yaml-source.ts";

/** What an import would do, nothing of it done yet; or every mistake in the folder as it would be. */
export type AlertsImport =
  | {
      readonly ok: true;
      /** The alerts as they are now and as they would be; `before` is absent where they can't be read. */
      readonly before: AlertsConfig | undefined;
      readonly after: AlertsConfig;
      readonly diff: AlertsDiff;
      /** Absolute, with what it would hold. */
      readonly file: string;
      readonly text: string;
    }
  | { readonly ok: false; readonly issues: readonly ConfigIssue[] };

/** Checks the whole folder with other alerts in place of its own. Throws CONFIG_INVALID where they have no place in it. */
export async function planImport(
  dir: string,
  other: OtherAlerts,
  options: Omit<LoadOptions, "alerts"> = {},
): Promise<AlertsImport> {
  const [now, then] = await Promise.all([
    loadSite(dir, options),
    loadSite(dir, { ...options, alerts: other }),
  ]);
  if (!then.ok) return { ok: false, issues: then.issues };
  const after = then.site.alerts ?? toAlerts(alertsSchema.parse({ alerts: {} }));
  const before = now.ok ? now.site.alerts : undefined;
  const diff = diffAlerts(before, after);
  const folder = new SiteFolder(dir, new Mistakes());
  const source = await folder.yaml(alertsFile);
  const named = source === undefined ? undefined : sourceAt(source, "alerts");
  if (named?.kind === "scalar" && typeof named.value === "string") {
    const file = join(folder.dir, folder.pathFrom(alertsFile, named.value));
    return { ok: true, before, after, diff, file, text: other.text };
  }
  const file = join(folder.dir, alertsFile);
  const text = withAlerts(
    source === undefined ? "" : await readFile(file, "utf8"),
    before?.alerts ?? [],
    after.alerts,
  );
  if (!isDeepStrictEqual(alertsOf(text), after)) {
    throw new GatewayError(
      "CONFIG_INVALID",
      `${alertsFile} can't be rewritten: parts of it hang on each other, as anchors and aliases do. Write alerts: alerts.csv there and import again.`,
    );
  }
  return { ok: true, before, after, diff, file, text };
}

function alertsOf(text: string): AlertsConfig | undefined {
  const mistakes = new Mistakes();
  const source = readYaml(text, alertsFile, mistakes);
  const validated = source === undefined ? undefined : validate(alertsSchema, source, [], mistakes);
  return validated === undefined || !mistakes.none ? undefined : toAlerts(validated.value);
}

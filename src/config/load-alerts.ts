import { checkAlerts } from "./alerts-rules.ts";
import { alertsSchema, isSecretPlace, type AlertsEntry } from "./alerts-schema.ts";
import type { AlertsConfig } from "./alerts.ts";
import type { Nameable } from "./condition-rules.ts";
import { readCsvAlerts } from "./csv-alerts.ts";
import type { Mistakes, MistakeSink } from "./mistakes.ts";
import { checkSecret, type Surroundings } from "./outside-rules.ts";
import { moments, toAlerts } from "./read-alerts.ts";
import type { SiteFolder } from "./site-folder.ts";
import { emptyMap, sourceAt, valuePlace, withKey, type Source } from "./source.ts";
import { validate } from "./validate.ts";

export const alertsFile = "alerts.yaml";

/** A CSV file whose alerts are taken in place of those that alerts.yaml has. */
export interface OtherAlerts {
  readonly file: string;
  readonly text: string;
}

interface LoadAlerts {
  readonly folder: SiteFolder;
  readonly known: Nameable;
  readonly around: Surroundings;
  readonly mistakes: Mistakes;
  readonly other?: OtherAlerts | undefined;
}

/** Reads and checks the site's `alerts.yaml`; undefined where there is none, or too little of it is right. */
export async function loadAlerts(loading: LoadAlerts): Promise<AlertsConfig | undefined> {
  const { folder, known, around, mistakes, other } = loading;
  const own = await folder.yaml(alertsFile);
  // A file with nothing in it but comments is one that is not used yet.
  const unused = own === undefined || (own.kind === "scalar" && own.value === null);
  if (unused && other === undefined) return undefined;
  const head = unused ? emptyMap({ file: alertsFile, line: 1, column: 1 }) : own;
  const alerts = await readAlerts(head, loading);
  const source = alerts === undefined ? head : withKey(head, "alerts", alerts);
  const validated = validate(alertsSchema, source, [], mistakes);
  if (validated === undefined) return undefined;
  const config = toAlerts(validated.value);
  checkAlerts(source, config.alerts, known, validated.leftOut, mistakes);
  await checkSecrets(source, validated.value, around, mistakes.except(validated.leftOut));
  return config;
}

/** Every environment variable and file that holds a header of a webhook. */
async function checkSecrets(
  source: Source,
  { alerts }: AlertsEntry,
  around: Surroundings,
  mistakes: MistakeSink,
): Promise<void> {
  const secrets = Object.entries(alerts).flatMap(([name, alert]) =>
    moments.flatMap(([key]) =>
      alert[key].webhook.flatMap(({ headers }, index) =>
        Object.entries(headers)
          .filter(([, value]) => isSecretPlace(value))
          .map(([header, value]) => ({
            value,
            path: ["alerts", name, key, "webhook", index, "headers", header],
          })),
      ),
    ),
  );
  await Promise.all(secrets.map(({ value, path }) => checkSecret(source, value, path, around, mistakes)));
}

/** The alerts of the CSV file that stands in place of their map; undefined where there is a map. */
async function readAlerts(
  source: Source,
  { folder, mistakes, other }: LoadAlerts,
): Promise<Source | undefined> {
  const told = (place: Source["place"]) => ({ kind: "scalar", place, value: null, told: true }) as const;
  if (other !== undefined) {
    return readCsvAlerts(other.text, other.file, mistakes) ?? told({ file: other.file, line: 1, column: 1 });
  }
  const named = sourceAt(source, "alerts");
  if (named?.kind !== "scalar" || typeof named.value !== "string") return undefined;
  const place = valuePlace(source, ["alerts"]);
  const file = folder.pathFrom(alertsFile, named.value);
  const read = await folder.text(file);
  if ("text" in read) return readCsvAlerts(read.text, file, mistakes) ?? told(place);
  mistakes.add(place, ["alerts"], {
    message: `${file}: ${read.reason}`,
    allowed: "a map of alerts by name, or the name of a CSV file",
  });
  return told(place);
}

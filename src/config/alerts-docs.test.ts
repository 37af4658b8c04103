import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { documentedKeys, schemaKeys } from "../adapter-kit/testing.ts";
import { actionsSchema, alertSchema, alertsSchema, webhookSchema } from "./alerts-schema.ts";
import { conditionSchema } from "./condition-schema.ts";
import { readCsvAlerts } from "./csv-alerts.ts";
import { loadSite } from "./load-site.ts";
import { Mistakes } from "./mistakes.ts";
import { siteFolder } from "./test-site.ts";

const markdown = await readFile(new URL("../../docs/alerting.md", import.meta.url), "utf8");
const factory = new URL("../../mappings/factory/", import.meta.url);

/** What has a table of its own stands as one key. */
function keysOfAlert(): ReturnType<typeof schemaKeys> {
  const own = schemaKeys(alertSchema).filter(({ key }) => !key.includes("."));
  const tables = ["onRaise", "onAcknowledge", "onClear"].map((key) => ({ key, default: "{}" }));
  return [...own, ...tables].toSorted((one, other) => (one.key < other.key ? -1 : 1));
}

test.each([
  ["Keys of the file", schemaKeys(alertsSchema)],
  ["Keys of an alert", keysOfAlert()],
  ["Keys of a condition", schemaKeys(conditionSchema)],
  ["Keys of actions", schemaKeys(actionsSchema)],
  ["Keys of a webhook", schemaKeys(webhookSchema)],
])("docs/alerting.md lists under %s each key with its default, and no other", (heading, keys) => {
  expect(documentedKeys(markdown, heading)).toEqual(keys);
});

test("the example of docs/alerting.md is right for the factory's devices", async () => {
  const [, example = ""] = /```yaml\n# alerts\.yaml\n(.*?)```/s.exec(markdown) ?? [];
  const names = ["devices/press-1.yaml", "devices/welder-1.yaml", "devices/welder-1.csv", "line.yaml"];
  names.push("devices/agv-1.yaml", "profiles/vda5050.yaml");
  const texts = await Promise.all(names.map((name) => readFile(new URL(name, factory), "utf8")));
  const files = Object.fromEntries(names.map((name, index) => [name, texts[index] ?? ""]));
  const loaded = await loadSite(await siteFolder({ ...files, "alerts.yaml": example }));
  expect(loaded.ok ? loaded.site.alerts?.alerts.map(({ name }) => name) : loaded.issues).toEqual([
    "press-overpressure",
    "press-offline",
    "weld-cooling-low",
    "weld-behind",
  ]);
});

test("the spreadsheet of docs/alerting.md can be read", () => {
  const [, table = ""] = /```csv\n(.*?)```/s.exec(markdown) ?? [];
  const mistakes = new Mistakes();
  const alerts = readCsvAlerts(table, "alerts.csv", mistakes);
  expect(mistakes.list()).toEqual([]);
  expect(alerts?.kind === "map" && [...alerts.entries.keys()]).toEqual([
    "press-overpressure",
    "air-pressure-low",
  ]);
});

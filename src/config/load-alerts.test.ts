import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { AlertCondition, AlertsConfig } from "./alerts.ts";
import { loadSite } from "./load-site.ts";
import { diffSites } from "./site-diff.ts";
import { siteFolder, testRegistry } from "./test-site.ts";

const device =
  "device: a\nadapter: polled\nconnection: { host: h }\ntags: { n: { address: 1, write: { max: 9 } }, m: { address: 3 }, t: { address: 2, text: true } }\n";
const line = "stations: { one: { complete: { tag: a/n, counter: up }, within: 50ms } }\n";

async function load(files: Readonly<Record<string, string>>, env: Readonly<Record<string, string>> = {}) {
  const dir = await siteFolder({ "devices/a.yaml": device, "line.yaml": line, ...files });
  return { dir, loaded: await loadSite(dir, { registry: testRegistry, env }) };
}

async function alertsOf(files: Readonly<Record<string, string>>): Promise<AlertsConfig | undefined> {
  const { loaded } = await load(files);
  if (!loaded.ok) throw new TypeError(JSON.stringify(loaded.issues, undefined, 2));
  return loaded.site.alerts;
}

async function told(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const { loaded } = await load(files);
  return loaded.ok ? [] : loaded.issues.map(({ file, path, message }) => `${file} ${path}: ${message}`);
}

test("alerts come with every default filled in, as plain data", async () => {
  const alerts = await alertsOf({
    "alerts.yaml": `defaults: { priority: low, realarm: 1h }
alerts:
  usual: { message: "\${value}", when: { tag: a/n, above: 5 } }
  silent: { message: m, when: { offline: a }, acknowledge: false, priority: critical, group: g, onDelay: 5s }
  acting:
    message: m
    when: { tag: a/n, below: 5, deadband: 1 }
    realarm: never
    onRaise: { write: { a/n: 3 }, publish: [{ topic: andon, payload: "\${alert}" }] }
    onClear: { webhook: [{ url: "http://127.0.0.1/hook" }] }
`,
  });
  expect(structuredClone(alerts)).toEqual(alerts);
  const usual = { priority: "low", onDelay: 0, offDelay: 0, latch: false, acknowledge: true };
  expect(alerts).toEqual({
    flood: { alerts: 10, within: 600_000 },
    chatter: { times: 3, within: 60_000 },
    alerts: [
      {
        name: "usual",
        message: "${value}",
        when: { kind: "above", tag: "a/n", limit: 5, deadband: 0 },
        ...usual,
        realarm: 3_600_000,
        actions: [],
      },
      {
        name: "silent",
        message: "m",
        when: { kind: "offline", device: "a" },
        ...usual,
        priority: "critical",
        onDelay: 5_000,
        acknowledge: false,
        group: "g",
        actions: [],
      },
      {
        name: "acting",
        message: "m",
        when: { kind: "below", tag: "a/n", limit: 5, deadband: 1 },
        ...usual,
        actions: [
          { on: "raised", kind: "write", tag: "a/n", value: 3 },
          { on: "raised", kind: "publish", to: "mqtt", name: "andon", payload: "${alert}" },
          {
            on: "cleared",
            kind: "webhook",
            url: "http://127.0.0.1/hook",
            headers: {},
            timeout: 5_000,
            retryFor: 600_000,
          },
        ],
      },
    ],
  });
});

test.each<[string, AlertCondition]>([
  [
    "{ tag: a/n, outside: [2, 8], deadband: 1 }",
    { kind: "outside", tag: "a/n", low: 2, high: 8, deadband: 1 },
  ],
  ["{ tag: a/t, is: X }", { kind: "is", tag: "a/t", value: "X" }],
  ["{ tag: a/t, isNot: X }", { kind: "isNot", tag: "a/t", value: "X" }],
  ["{ tag: a/n, quality: bad }", { kind: "bad", tag: "a/n", uncertain: false }],
  ["{ tag: a/n, quality: uncertain }", { kind: "bad", tag: "a/n", uncertain: true }],
  [
    "{ tag: a/n, deviates: { from: a/m, by: 2 } }",
    { kind: "deviation", tag: "a/n", from: "a/m", limit: 2, deadband: 0 },
  ],
  ["{ not: { offline: a } }", { kind: "not", of: { kind: "offline", device: "a" } }],
  ["{ any: [{ offline: a }] }", { kind: "any", of: [{ kind: "offline", device: "a" }] }],
])("%s is read as the condition that it is", async (written, condition) => {
  const alerts = await alertsOf({ "alerts.yaml": `alerts: { one: { message: m, when: ${written} } }` });
  expect(alerts?.alerts[0]?.when).toEqual(condition);
});

test.each<[string, object]>([
  ["{ tag: a/n, changes: true }", { kind: "changes", holdFor: 1_000 }],
  [
    "{ tag: a/n, rate: { above: 5, over: 2s } }",
    { kind: "rate", limit: 5, over: 2_000, direction: "either" },
  ],
  ["{ tag: a/n, stale: 10s }", { kind: "stale", after: 10_000 }],
  [
    "{ count: { station: one, event: late, atLeast: 3, within: 1h } }",
    { of: { kind: "line", station: "one", event: "late" }, atLeast: 3, within: 3_600_000 },
  ],
  [
    "{ count: { tag: a/n, edge: change, atLeast: 3, within: 1m } }",
    { of: { kind: "edge", tag: "a/n", edge: "change" } },
  ],
])("times in %s are in ms", async (written, condition) => {
  const alerts = await alertsOf({ "alerts.yaml": `alerts: { one: { message: m, when: ${written} } }` });
  expect(alerts?.alerts[0]?.when).toMatchObject(condition);
});

test("without an alerts.yaml, or with nothing in it but comments, there are none", async () => {
  expect(await alertsOf({})).toBeUndefined();
  expect(await alertsOf({ "alerts.yaml": "# to come\n" })).toBeUndefined();
});

const table = `alert;message;tag;above;deadband;outside.low;outside.high;is;latch;onRaise.write;when
hot;Too hot;a/n;5,5;0,5;;;;TRUE;a/n = 3;
band;m;a/n;;;2;8;;;;
text;m;a/t;;;;;"""5""";;;
both;m;;;;;;;;;"{""all"": [{""tag"": ""a/t"", ""is"": ""5""}]}"
`;

test("a CSV file says what a map says, decimal commas and all, and belongs to the files that are watched", async () => {
  const { dir, loaded } = await load({ "alerts.yaml": "alerts: alerts.csv\n", "alerts.csv": table });
  const map = await alertsOf({
    "alerts.yaml": `alerts:
  hot: { message: Too hot, when: { tag: a/n, above: 5.5, deadband: 0.5 }, latch: true, onRaise: { write: { a/n: 3 } } }
  band: { message: m, when: { tag: a/n, outside: [2, 8] } }
  text: { message: m, when: { tag: a/t, is: "5" } }
  both: { message: m, when: { all: [{ tag: a/t, is: "5" }] } }
`,
  });
  expect(loaded.ok ? loaded.site.alerts : loaded.issues).toEqual(map);
  expect(loaded.ok && loaded.site.files).toContain(join(dir, "alerts.csv"));
});

test("a CSV file in another encoding is told as such, for its letters would be lost", async () => {
  const dir = await siteFolder({ "devices/a.yaml": device, "alerts.yaml": "alerts: alerts.csv\n" });
  await writeFile(
    join(dir, "alerts.csv"),
    Buffer.from("alert,message,offline\nhot,\xdcber 5 \xb0C,a\n", "latin1"),
  );
  const loaded = await loadSite(dir, { registry: testRegistry });
  expect(loaded.ok ? [] : loaded.issues).toMatchObject([
    { file: "alerts.csv", line: 2, column: 5, message: "this is not UTF-8" },
  ]);
});

test("a CSV file that is not there is one mistake, at its name", async () => {
  expect(await told({ "alerts.yaml": "alerts: alarms.csv\n" })).toEqual([
    "alerts.yaml alerts: alarms.csv: there is no such file",
  ]);
});

test("while a device file is broken nothing is said about tags, which may well be its own", async () => {
  const alerts =
    "alerts: { one: { message: m, when: { tag: b/t, above: 5 } }, two: { when: { offline: b } } }";
  expect(await told({ "devices/a.yaml": device.replace("polled", "poled"), "alerts.yaml": alerts })).toEqual([
    "alerts.yaml alerts.two.message: is missing",
    'devices/a.yaml adapter: there is no adapter "poled"',
  ]);
});

test("while line.yaml is broken nothing is said about its stations", async () => {
  const count = "{ count: { station: two, event: late, atLeast: 1, within: 1m } }";
  const alerts = { "alerts.yaml": `alerts: { one: { message: m, when: ${count} } }` };
  expect(await told({ "line.yaml": "stations: { two: {} }", ...alerts })).toEqual([
    "line.yaml stations.two: nothing tells two to begin, nor that it has finished",
  ]);
  expect(await told(alerts)).toEqual([
    'alerts.yaml alerts.one.when.count.station: there is no station "two"',
  ]);
});

test("the secret of a webhook is looked for where it is said to be", async () => {
  const webhook = "{ url: https://example.com, headers: { Authorization: env:HOOK } }";
  const alerts = {
    "alerts.yaml": `alerts: { one: { message: m, when: { offline: a }, onRaise: { webhook: [${webhook}] } } }`,
  };
  expect(await told(alerts)).toEqual([
    "alerts.yaml alerts.one.onRaise.webhook.0.headers.Authorization: the environment variable HOOK is not set",
  ]);
  expect((await load(alerts, { HOOK: "Bearer x" })).loaded).toMatchObject({ ok: true });
});

test("an edit of alerts alone touches no device, and is told alert by alert", async () => {
  const before =
    "alerts: { one: { message: m, when: { offline: a } }, two: { message: m, when: { offline: a } } }";
  const after =
    "flood: { alerts: 5 }\nalerts: { two: { message: n, when: { offline: a } }, three: { message: m, when: { offline: a } } }";
  const [left, right] = await Promise.all([load({ "alerts.yaml": before }), load({ "alerts.yaml": after })]);
  if (!left.loaded.ok || !right.loaded.ok) throw new TypeError("a folder has mistakes");
  expect(diffSites(left.loaded.site, right.loaded.site)).toEqual({
    added: [],
    removed: [],
    changed: [],
    restartKeys: [],
    alerts: { added: ["three"], changed: ["two"], removed: ["one"], limits: true },
  });
});

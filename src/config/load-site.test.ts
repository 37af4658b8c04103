import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadSite } from "./load-site.ts";
import type { Site } from "./site.ts";
import { gatewayYaml, siteFolder, testRegistry } from "./test-site.ts";

async function load(files: Readonly<Record<string, string>>) {
  return loadSite(await siteFolder(files), { registry: testRegistry, env: { TOKEN: "x" } });
}

async function siteOf(files: Readonly<Record<string, string>>): Promise<Site> {
  const loaded = await load(files);
  if (loaded.ok) return loaded.site;
  throw new TypeError(JSON.stringify(loaded.issues, undefined, 2));
}

async function told(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const loaded = await load(files);
  return loaded.ok
    ? []
    : loaded.issues.map(
        ({ file, line, column, path, message }) => `${file}:${line}:${column} ${path}: ${message}`,
      );
}

const head = "device: a\nadapter: polled\nconnection: { host: h }\n";

test("a device comes with every default filled in, as plain data", async () => {
  const site = await siteOf({ "devices/a.yaml": `${head}tags: { t: { address: 1 } }` });
  expect(structuredClone(site)).toEqual(site);
  expect(site.devices).toEqual([
    {
      device: "a",
      adapter: "polled",
      connection: { host: "h", timeout: 1_000 },
      options: { order: "ABCD" },
      silence: 10_000,
      tags: [
        {
          name: "t",
          options: { address: 1 },
          value: { kind: "integer", min: 0n, max: 0xffff_ffff_ffff_ffffn, wide: "uint64" },
          scale: 1,
          offset: 0,
          poll: { name: "normal", interval: 1_000 },
          stale: 5_000,
        },
      ],
    },
  ]);
});

test.each([
  ["", "normal", 1_000],
  ["poll: { fast: 50ms }", "fast", 50],
  ["poll: { fast: 50ms, normal: 4s }", "normal", 4_000],
  ["poll: { fast: 50ms, slow: 1m }", "normal", 1_000],
])("with %j a tag without a group is polled in %s", async (poll, name, interval) => {
  const site = await siteOf({ "devices/a.yaml": `${head}${poll}\ntags: { t: { address: 1 } }` });
  expect(site.devices[0]?.tags[0]?.poll).toEqual({ name, interval });
});

test.each([
  ["poll: { slow: 10s }", "", 30_000],
  ["stale: 7s", "", 7_000],
  ["stale: 7s", ", stale: never", undefined],
  ["stale: never", ", stale: 90s", 90_000],
])("with %j and %j the stale limit is %s", async (device, tag, stale) => {
  const site = await siteOf({ "devices/a.yaml": `${head}${device}\ntags: { t: { address: 1${tag} } }` });
  expect(site.devices[0]?.tags[0]?.stale).toBe(stale);
});

test.each([
  ["", "", 60_000],
  ["stale: 7s", "", 7_000],
  ["", ", stale: never", undefined],
])("sending by itself, with %j and %j the stale limit is %s", async (device, tag, stale) => {
  const sending = head.replace("polled", "sending");
  const tags = `tags: { t: { address: 1, text: true${tag} } }`;
  const site = await siteOf({ "devices/a.yaml": `${sending}${device}\n${tags}` });
  expect(site.devices[0]?.tags[0]?.stale).toBe(stale);
});

test("deadband, scaling and limits of a write are taken over, the adapter's own keys apart", async () => {
  const tag =
    "{ address: 1, scale: 0.1, offset: -5, deadbandPercent: 2, republish: 5s, write: { min: 0, readBack: false } }";
  const site = await siteOf({ "devices/a.yaml": `${head}silence: never\ntags: { t: ${tag} }` });
  expect(site.devices[0]).not.toHaveProperty("silence");
  expect(site.devices[0]?.tags[0]).toMatchObject({
    scale: 0.1,
    offset: -5,
    deadband: { kind: "percent", band: 2, republish: 5_000 },
    write: { min: 0, options: { readBack: false } },
  });
});

test("where devices send by themselves there are no poll groups, no stale limit, and names may hold wildcards", async () => {
  const sending = head.replace("polled", "sending");
  const site = await siteOf({ "devices/a.yaml": `${sending}tags: { "shelf/{1}/stock": { address: 1 } }` });
  expect(site.devices[0]?.tags[0]).not.toHaveProperty("poll");
  expect(site.devices[0]?.tags[0]).not.toHaveProperty("stale");
  expect(
    await told({ "devices/a.yaml": `${sending}poll: { fast: 1s }\ntags: { t: { address: 1 } }` }),
  ).toEqual(['devices/a.yaml:4:1 poll: unknown key "poll"']);
  expect(await told({ "devices/a.yaml": `${head}tags: { "shelf/{1}/stock": { address: 1 } }` })).toEqual([
    'devices/a.yaml:4:9 tags.shelf/{1}/stock: "shelf/{1}/stock" is not a tag name',
  ]);
});

test("a CSV gives the same device as the map of the same tags", async () => {
  const csv = [
    "\ufeff# kept in a spreadsheet",
    "tag;address;scale;unit;poll;write;write.min;text",
    "ram/pressure;1;0,1;1;fast;;;",
    '"ram/name";2;;;;yes;;TRUE',
    "motor/speed;3;;rpm;;;-5;false",
    "",
  ].join("\r\n");
  const yaml = `${head}poll: { fast: 50ms, normal: 1s }\n`;
  const tags = [
    'ram/pressure: { address: 1, scale: 0.1, unit: "1", poll: fast }',
    "ram/name: { address: 2, text: true, write: {} }",
    "motor/speed: { address: 3, unit: rpm, text: false, offset: -5, write: { min: -5 } }",
  ];
  const fromCsv = await siteOf({
    "devices/a.yaml": `${yaml}tags: lists/a.csv`,
    "devices/lists/a.csv": csv.replace("text", "text;offset").replace("false", "false;-5"),
  });
  const fromYaml = await siteOf({ "devices/a.yaml": `${yaml}tags:\n  ${tags.join("\n  ")}` });
  expect(fromCsv.devices).toEqual(fromYaml.devices);
});

test("what a device says itself wins over its profile, key by key", async () => {
  const site = await siteOf({
    "profiles/p.yaml":
      "adapter: polled\norder: CDAB\npoll: { slow: 1m }\nconnection: { host: p, timeout: 3s }\ntags: p.csv",
    "profiles/p.csv": "tag,address,unit\nx,1,bar\ny,2,mm\n",
    "devices/a.yaml":
      "device: a\nprofile: ../profiles/p.yaml\nconnection: { host: h }\ntags: { y: { unit: cm }, z: { address: 3 } }",
  });
  const device = site.devices[0];
  expect(device).toMatchObject({ connection: { host: "h", timeout: 3_000 }, options: { order: "CDAB" } });
  expect(device?.tags.map(({ name, unit, options, poll }) => [name, unit, options, poll?.name])).toEqual([
    ["x", "bar", { address: 1 }, "slow"],
    ["y", "cm", { address: 2 }, "slow"],
    ["z", undefined, { address: 3 }, "slow"],
  ]);
});

test("every file that was looked for is named, those that are missing too", async () => {
  const dir = await siteFolder({ "devices/a.yaml": `${head}profile: ../p/gone.yaml\ntags: t.csv` });
  const loaded = await loadSite(dir, { registry: testRegistry });
  const files = loaded.ok ? loaded.site.files : loaded.files;
  const expected = [
    "alerts.yaml",
    "devices/a.yaml",
    "devices/t.csv",
    "gateway.yaml",
    "ledger.yaml",
    "line.yaml",
    "p/gone.yaml",
  ];
  expect(files).toEqual(expected.map((file) => join(dir, file)));
});

test("what an adapter finds across keys is told where it stands, though it stands in a profile or a CSV", async () => {
  const own = "device: a\nprofile: ../p.yaml\n";
  expect(
    await told({
      "p.yaml": "adapter: polled\nconnection: { host: h }\ntags: { t: { address: 13 } }",
      "devices/a.yaml": `${own}tags: a.csv`,
      "devices/a.csv": "tag,unit,address\nu,bar,13\n",
    }),
  ).toEqual(["devices/a.csv:2:7 tags.u.address: 13 is unlucky", "p.yaml:3:23 tags.t.address: 13 is unlucky"]);
});

test("a mistake in one part does not hide those in others, nor make up new ones", async () => {
  expect(
    await told({
      "devices/a.yaml": `${head}order: CDBA\nunknown: 1\ntags: { t: { address: 13, scale: no } }`,
      "devices/b.yaml": `${head.replace("h }", "h, timeout: 1 }")}tags: { t: { address: 1, poll: fast } }`,
    }),
  ).toEqual([
    'devices/a.yaml:4:8 order: "CDBA" is not a byte order',
    'devices/a.yaml:5:1 unknown: unknown key "unknown"',
    "devices/a.yaml:6:23 tags.t.address: 13 is unlucky",
    'devices/a.yaml:6:34 tags.t.scale: "no" is not allowed here',
    "devices/b.yaml:1:9 device: the device a is given twice; first in devices/a.yaml, line 1",
    "devices/b.yaml:3:1 connection: this is the same device as a (devices/a.yaml): h",
    "devices/b.yaml:3:33 connection.timeout: 1 is not allowed here",
    'devices/b.yaml:4:32 tags.t.poll: there is no poll group "fast"',
  ]);
});

test.each([
  ["broker: { listen: 0.0.0.0:1883 }\nusers: { anonymous: {} }", []],
  [
    "broker: { listen: '[::]:0' }",
    ["gateway.yaml:3:19 broker.listen: :::0 can be reached from other machines, and no users are configured"],
  ],
  ["nats: { url: 'nats://h:4222', user: u, password: env:TOKEN }\nhttp: { listen: 127.0.0.1:4222 }", []],
  ["nats: { user: u }", ["gateway.yaml:3:9 nats.user: nats.user has no meaning without nats.url"]],
])("gateway.yaml with %j: %j", async (yaml, expected) => {
  expect(await told({ "gateway.yaml": `gateway: g\nsite: s\n${yaml}\n` })).toEqual(expected);
});

test("an alias stands for what its anchor holds", async () => {
  const yaml = `${head}tags: { t: &tag { address: 1, unit: bar }, u: *tag, v: *none }`;
  expect(await told({ "devices/a.yaml": yaml.replace(", v: *none", "") })).toEqual([]);
  expect(await told({ "devices/a.yaml": yaml })).toContain(
    "devices/a.yaml:4:56 tags.v: the alias *none has no anchor",
  );
});

test("aliases that multiply without end are a mistake, not a hang", async () => {
  const levels = Array.from(
    { length: 30 },
    (_, level) => `l${level + 1}: &l${level + 1} [ *l${level}, *l${level} ]`,
  );
  const messages = await told({ "gateway.yaml": `l0: &l0 x\n${levels.join("\n")}\n` });
  expect(messages.join("\n")).toContain("with what this alias repeats the file has too many parts");
});

test("what is no regular file is not read, and told", async () => {
  const dir = await siteFolder({
    "devices/a.yaml": `${head}tags: t.csv`,
    "devices/b.yaml": "device: b\nadapter: polled\nconnection: { host: i }\nprofile: ../p.yaml",
    "gateway.yaml": `${gatewayYaml}nats: { url: "nats://h", ca: pipe.pem, user: u, password: "file:pipe.pem" }\n`,
  });
  const pipes = ["devices/t.csv", "p.yaml", "devices/x.yaml", "alerts.yaml", "pipe.pem"];
  const makePipes = "mkfifo";
  execFileSync(makePipes, pipes, { cwd: dir });
  const loaded = await loadSite(dir, { registry: testRegistry, env: {} });
  const issues = loaded.ok ? [] : loaded.issues;
  const told = "this is a pipe, a socket or a device, no file";
  expect(issues.map(({ file, path, message }) => `${file} ${path}: ${message}`)).toEqual([
    `alerts.yaml : ${told}`,
    `devices/a.yaml tags: devices/t.csv: ${told}`,
    `devices/b.yaml profile: p.yaml: ${told}`,
    `devices/x.yaml : ${told}`,
    'gateway.yaml nats.ca: there is no file "pipe.pem" that can be read',
    'gateway.yaml nats.password: there is no file "pipe.pem" that can be read',
  ]);
});

test("a misspelt key does not make the rules on the key that was meant fire", async () => {
  expect(
    await told({
      "gateway.yaml": `${gatewayYaml}broker: { listen: 0.0.0.0:1883 }\nuser: { a: {} }\nnats: { urll: "nats://h", user: u }\n`,
      "devices/a.yaml": `${head}pol: { fast: 1s }\ntags: { t: { address: 1, poll: fast } }`,
    }),
  ).toEqual([
    'devices/a.yaml:4:1 pol: unknown key "pol"',
    'gateway.yaml:4:1 user: unknown key "user"',
    'gateway.yaml:5:9 nats.urll: unknown key "urll"',
  ]);
});

import { expect, test } from "vitest";
import { loadSite } from "./load-site.ts";
import { siteFolder, testRegistry } from "./test-site.ts";

const head = "adapter: polled\nconnection: { host: h }\n";

/** A site with a device `a` whose tag `t` has the write entry, and a device `b` with tags to be asked. */
async function load(write: string, tag = "address: 1") {
  const dir = await siteFolder({
    "devices/a.yaml": `device: a\n${head}tags: { t: { ${tag}, write: ${write} } }`,
    "devices/b.yaml": `device: b\n${head.replace("h }", "h2 }")}tags: { guard/closed: { address: 1 }, name: { address: 2, text: true } }`,
  });
  return loadSite(dir, { registry: testRegistry, env: {} });
}

test("every key of a write entry comes out as the guard takes it, durations in ms", async () => {
  const loaded = await load(
    `{ min: 0, max: 1500, maxStep: 200, rate: { max: 100, per: 1s }, requires: [{ tag: b/guard/closed, equals: 1 }, { tag: b/guard/closed, max: 5 }],
       tolerance: 0.5, onFailure: retry-once, heartbeat: { within: 5s, failSafe: 0 }, confirm: true, readBack: false }`,
  );
  expect(loaded.ok && loaded.site.devices[0]?.tags[0]?.write).toEqual({
    min: 0,
    max: 1500,
    maxStep: 200,
    rate: { max: 100, per: 1_000 },
    requires: [
      { tag: "b/guard/closed", equals: 1 },
      { tag: "b/guard/closed", max: 5 },
    ],
    tolerance: 0.5,
    onFailure: "retry-once",
    heartbeat: { within: 5_000, failSafe: 0 },
    confirm: true,
    options: { readBack: false },
  });
});

test.each([
  ["{ tolerance: -1 }", "tolerance", /-1|small|least|0/i, undefined],
  ["{ maxStep: 0 }", "maxStep", /./, undefined],
  ["{ rate: { max: 100 } }", "rate.per", /is missing/, undefined],
  ["{ rate: { max: 100, per: 1 } }", "rate.per", /./, undefined],
  ["{ onFailure: retry-onc }", "onFailure", /not allowed/, "retry-once"],
  ["{ confirm: yes please }", "confirm", /./, undefined],
  ["{ requires: [] }", "requires", /./, undefined],
  ["{ requires: [{ equals: 1 }] }", "requires.0.tag", /is missing/, undefined],
  [
    "{ requires: [{ tag: b/guard/close, equals: 1 }] }",
    "requires.0.tag",
    /no tag "b\/guard\/close"/,
    "b/guard/closed",
  ],
  ["{ requires: [{ tag: b/guard/closed }] }", "requires.0", /not said what/, undefined],
  [
    "{ requires: [{ tag: b/guard/closed, equals: 1, min: 0 }] }",
    "requires.0",
    /beside min or max/,
    undefined,
  ],
  [
    "{ requires: [{ tag: b/guard/closed, min: 2, max: 1 }] }",
    "requires.0",
    /min 2 is above max 1/,
    undefined,
  ],
  ["{ requires: [{ tag: b/guard/closed, equals: true }] }", "requires.0.equals", /never true/, undefined],
  ["{ requires: [{ tag: b/name, min: 1 }] }", "requires.0.min", /no meaning for b\/name/, undefined],
  ["{ requires: [{ tag: b/guard/closed, equal: 1, max: 2 }] }", "requires.0.equal", /unknown key/, "equals"],
  ["{ heartbeat: { within: 5s } }", "heartbeat.failSafe", /is missing/, undefined],
  ["{ heartbeat: { within: 5s, failSafe: [0] } }", "heartbeat.failSafe", /./, undefined],
  ["{ heartbeat: { within: 5s, failSafe: off } }", "heartbeat.failSafe", /not of the tag's type/, undefined],
  [
    "{ max: 100, heartbeat: { within: 5s, failSafe: 101 } }",
    "heartbeat.failSafe",
    /outside what may be written/,
    undefined,
  ],
  [
    "{ min: 10, heartbeat: { within: 5s, failSafe: 0 } }",
    "heartbeat.failSafe",
    /outside what may be written/,
    undefined,
  ],
])("%s is told where it stands, once", async (write, path, message, meant) => {
  const loaded = await load(write);
  expect(loaded.ok ? [] : loaded.issues).toEqual([
    expect.objectContaining({
      file: "devices/a.yaml",
      path: `tags.t.write.${path}`,
      message: expect.stringMatching(message),
      ...(meant === undefined ? {} : { meant }),
    }),
  ]);
});

test.each(["maxStep: 1", "tolerance: 1", "rate: { max: 1, per: 1s }"])(
  "%s has no meaning for a text",
  async (key) => {
    const loaded = await load(`{ ${key} }`, "address: 1, text: true");
    expect(loaded.ok ? [] : loaded.issues).toMatchObject([
      { message: expect.stringMatching(/no meaning for a string/) },
    ]);
  },
);

test("a permissive tag that a wildcard makes is known by its pattern", async () => {
  const sending = "adapter: sending\nconnection: { host: h2 }\n";
  const folder = (tag: string) => ({
    "devices/a.yaml": `device: a\n${head}tags: { t: { address: 1, write: { requires: [{ tag: ${tag}, max: 1 }] } } }`,
    "devices/b.yaml": `device: b\n${sending}tags: { "shelf/{1}/stock": { address: 1 } }`,
  });
  const load = async (tag: string) =>
    loadSite(await siteFolder(folder(tag)), { registry: testRegistry, env: {} });
  expect(await load("b/shelf/12/stock")).toMatchObject({ ok: true });
  expect(await load("b/shelf/12/13/stock")).toMatchObject({ ok: false });
});

test("while a device can't be read, nothing is said of permissive tags that it may have", async () => {
  const dir = await siteFolder({
    "devices/a.yaml": `device: a\n${head}tags: { t: { address: 1, write: { requires: [{ tag: b/x, equals: 1 }] } } }`,
    "devices/b.yaml": "device: b\nadapter: poled\ntags: { x: { address: 1 } }",
  });
  const loaded = await loadSite(dir, { registry: testRegistry, env: {} });
  expect(loaded.ok ? [] : loaded.issues).toMatchObject([{ file: "devices/b.yaml" }]);
});

test("a spreadsheet says the same in columns, but for lists", async () => {
  const dir = await siteFolder({
    "devices/a.yaml": `device: a\n${head}tags: a.csv`,
    "devices/a.csv":
      "tag,address,write.max,write.rate.max,write.rate.per,write.heartbeat.within,write.heartbeat.failSafe,write.confirm\nt,1,9,5,1s,2s,0,true\n",
  });
  const loaded = await loadSite(dir, { registry: testRegistry, env: {} });
  expect(loaded.ok && loaded.site.devices[0]?.tags[0]?.write).toMatchObject({
    max: 9,
    rate: { max: 5, per: 1_000 },
    heartbeat: { within: 2_000, failSafe: 0 },
    confirm: true,
  });
});

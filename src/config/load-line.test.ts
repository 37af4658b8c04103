import { expect, test } from "vitest";
import { loadSite } from "./load-site.ts";
import { siteFolder, testRegistry } from "./test-site.ts";

const device =
  "device: a\nadapter: polled\nconnection: { host: h }\ntags: { n: { address: 1, write: {} }, t: { address: 2, text: true } }\n";

async function load(line: string) {
  const dir = await siteFolder({ "devices/a.yaml": device, "line.yaml": line });
  return loadSite(dir, { registry: testRegistry });
}

test("a line comes with every default filled in, as plain data", async () => {
  const loaded = await load(
    [
      "stations:",
      "  one: { complete: { tag: a/n, counter: up }, part: a/t }",
      "  two:",
      "    after: one",
      "    prepare: { write: { a/n: 5 }, publish: [{ subject: orders, payload: { id: '${part}' } }] }",
      "    confirm: { tag: a/t, is: READY, within: 3s }",
      "  three: { after: { any: [one, two], initial: { two: 1 } }, complete: { tag: a/n, reaches: 10 } }",
    ].join("\n"),
  );
  if (!loaded.ok) throw new TypeError(JSON.stringify(loaded.issues));
  expect(structuredClone(loaded.site.line)).toEqual(loaded.site.line);
  const alone = { repeat: "safe", writes: [], publications: [] };
  expect(loaded.site.line?.stations).toEqual([
    {
      name: "one",
      complete: { tag: "a/n", kind: "counter", most: 100, rollover: "18446744073709551616" },
      part: "a/t",
      ready: [],
      prepare: alone,
    },
    {
      name: "two",
      after: { mode: "all", stations: ["one"], initial: {} },
      ready: [],
      prepare: {
        repeat: "ask",
        writes: [{ tag: "a/n", value: 5 }],
        publications: [{ to: "nats", name: "orders", payload: { id: "${part}" } }],
      },
      confirm: { tag: "a/t", is: "READY", within: 3_000 },
    },
    {
      name: "three",
      complete: { tag: "a/n", kind: "reaches", reaches: 10, rearm: 10 },
      after: { mode: "any", stations: ["one", "two"], initial: { two: 1 } },
      ready: [],
      prepare: alone,
    },
  ]);
});

test("without a line.yaml, or with nothing in it but comments, there is no line", async () => {
  const loaded = await load("# to come\n");
  expect(loaded).toMatchObject({ ok: true });
  expect(loaded.ok && loaded.site).not.toHaveProperty("line");
});

test("while a device file is broken nothing is said about tags, which may well be its own", async () => {
  const dir = await siteFolder({
    "devices/a.yaml": device.replace("polled", "poled"),
    "line.yaml": "stations: { one: { complete: { tag: a/n, counter: up }, after: tow } }",
  });
  const loaded = await loadSite(dir, { registry: testRegistry });
  expect(loaded.ok ? [] : loaded.issues.map(({ file, path }) => `${file} ${path}`)).toEqual([
    "devices/a.yaml adapter",
    "line.yaml stations.one.after",
  ]);
});

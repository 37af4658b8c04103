import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { documentedKeys, schemaKeys } from "../adapter-kit/testing.ts";
import { ledgerSchema, ledgerSourceSchema } from "./ledger-schema.ts";
import { loadSite } from "./load-site.ts";
import { gatewayYaml, siteFolder } from "./test-site.ts";

const markdown = await readFile(new URL("../../docs/ledger.md", import.meta.url), "utf8");
const retail = new URL("../../mappings/retail/", import.meta.url);

const till =
  "device: pos\nadapter: mqtt\nconnection: {}\ntags: { sale: { address: pos/sale, type: json, durable: { id: /id }, timestamp: { pointer: /at, unit: s } } }\n";

async function load(ledger: string, more: Readonly<Record<string, string>> = {}) {
  return loadSite(await siteFolder({ "devices/pos.yaml": till, "ledger.yaml": ledger, ...more }));
}

const stock = "ledgers: { stock: { out: [{ tag: pos/sale, key: /sku }] } }";

test("a ledger comes with every default filled in, as plain data, and with its tag's time", async () => {
  const loaded = await load(stock);
  if (!loaded.ok) throw new TypeError(JSON.stringify(loaded.issues));
  expect(structuredClone(loaded.site.ledgers)).toEqual({
    ledgers: [
      {
        name: "stock",
        decimals: 0,
        articles: 5_000,
        sources: [
          { kind: "out", tag: "pos/sale", items: "", key: "/sku", time: { pointer: "/at", unit: "s" } },
        ],
      },
    ],
  });
  // It is no device that anybody has to connect to.
  expect(loaded.site.devices.map(({ device }) => device)).toEqual(["pos"]);
});

test("balances are named in alerts, and uploaded, as tags of a device of the ledger's name", async () => {
  const loaded = await load(stock, {
    "alerts.yaml": "alerts: { low: { message: m, when: { tag: stock/milk-1l, below: 6 } } }",
    "gateway.yaml": `${gatewayYaml}upload: { tags: { "stock/+": { onChange: 0 } } }\n`,
  });
  expect(loaded.ok ? [] : loaded.issues).toEqual([]);
  expect(loaded.ok && loaded.site.upload?.tags).toMatchObject({ "stock/{1}": { kind: "onChange" } });
});

test("of tills with a topic each the one tag is named that stands for all", async () => {
  const each = till.replace("sale: { address: pos/sale", '"{1}/sale": { address: pos/+/sale');
  const loaded = await load("ledgers: { stock: { out: [{ tag: 'pos/{1}/sale', key: /sku }] } }", {
    "devices/pos.yaml": each,
  });
  expect(loaded.ok ? [] : loaded.issues).toEqual([]);
});

test("while ledger.yaml has mistakes nothing is said about balances that alerts name", async () => {
  const loaded = await load("ledgers: { stok: { out: [{ tag: pos/sale }] } }", {
    "alerts.yaml": "alerts: { low: { message: m, when: { tag: stock/milk-1l, below: 6 } } }",
  });
  expect(loaded.ok ? [] : loaded.issues.map(({ file, path }) => `${file} ${path}`)).toEqual([
    "ledger.yaml ledgers.stok.out.0.key",
  ]);
});

test("a file with nothing in it but comments is one that is not used yet", async () => {
  const loaded = await load("# to come\n");
  expect(loaded).toMatchObject({ ok: true });
  expect(loaded.ok && loaded.site).not.toHaveProperty("ledgers");
});

test.each([
  ["Keys of a ledger", schemaKeys(ledgerSchema)],
  ["Keys of an entry", schemaKeys(ledgerSourceSchema)],
])("docs/ledger.md lists under %s each key with its default, and no other", (heading, keys) => {
  const own = keys.filter(({ key }) => !/^(out|in|counts)\./.test(key));
  expect(documentedKeys(markdown, heading)).toEqual(own);
});

test("the example of docs/ledger.md is right for the store's devices", async () => {
  const [, example = ""] = /```yaml\n# ledger\.yaml\n(.*?)```/s.exec(markdown) ?? [];
  const names = ["devices/pos.yaml", "devices/handhelds.yaml"];
  const texts = await Promise.all(names.map((name) => readFile(new URL(name, retail), "utf8")));
  const files = Object.fromEntries(names.map((name, index) => [name, texts[index] ?? ""]));
  const loaded = await loadSite(await siteFolder({ ...files, "ledger.yaml": example }));
  expect(loaded.ok ? loaded.site.ledgers?.ledgers[0]?.sources.length : loaded.issues).toBe(3);
});

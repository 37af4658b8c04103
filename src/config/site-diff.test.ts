import { expect, test } from "vitest";
import { loadSite } from "./load-site.ts";
import { diffSites } from "./site-diff.ts";
import type { Site } from "./site.ts";
import { gatewayYaml, siteFolder, testRegistry } from "./test-site.ts";

async function siteOf(files: Readonly<Record<string, string>>): Promise<Site> {
  const loaded = await loadSite(await siteFolder(files), { registry: testRegistry });
  if (loaded.ok) return loaded.site;
  throw new TypeError(JSON.stringify(loaded.issues));
}

function device(name: string, more = "profile: ../p.yaml"): string {
  return `device: ${name}\nadapter: polled\nconnection: { host: ${name} }\n${more}\n`;
}

const profile = "tags: { t: { address: 1, unit: bar } }\n";
const files = { "p.yaml": profile, "devices/a.yaml": device("a"), "devices/b.yaml": device("b") };

test("a site is no different from itself, however its files are written", async () => {
  const rewritten = {
    ...files,
    "p.yaml": `# the same\ntags:\n  t:\n    unit: "bar"\n    address: 1\n    scale: 1\n`,
  };
  expect(diffSites(await siteOf(files), await siteOf(rewritten))).toEqual({
    added: [],
    removed: [],
    changed: [],
    restartKeys: [],
    alerts: { added: [], changed: [], removed: [], limits: false },
  });
});

test("devices that came, went and changed are told apart", async () => {
  const { "devices/b.yaml": _b, ...without } = files;
  const after = {
    ...without,
    "devices/c.yaml": device("c"),
    "devices/a.yaml": `${device("a")}silence: 5s\n`,
  };
  expect(diffSites(await siteOf(files), await siteOf(after))).toEqual({
    added: ["c"],
    removed: ["b"],
    changed: ["a"],
    restartKeys: [],
    alerts: { added: [], changed: [], removed: [], limits: false },
  });
});

test("an edited profile changes every device that uses it, and no other", async () => {
  const own = { "devices/c.yaml": device("c", "tags: { t: { address: 1 } }") };
  const before = await siteOf({ ...files, ...own });
  const after = await siteOf({ ...files, ...own, "p.yaml": profile.replace("bar", "mbar") });
  expect(diffSites(before, after).changed).toEqual(["a", "b"]);
});

test("keys of gateway.yaml that changed are named, defaults spelt out are no change", async () => {
  const yaml = `${gatewayYaml.replace("line1\n", "line2\n")}http: { listen: "127.0.0.1:9464" }\nbroker: { listen: "127.0.0.1:0" }\nusers: { anonymous: {} }\n`;
  const { restartKeys } = diffSites(await siteOf(files), await siteOf({ ...files, "gateway.yaml": yaml }));
  expect(restartKeys).toEqual(["site", "broker.listen", "users.anonymous"]);
});

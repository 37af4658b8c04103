import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import * as z from "zod";
import { documentedKeys, schemaKeys } from "../adapter-kit/testing.ts";
import { diffSites } from "./site-diff.ts";
import { loadSite } from "./load-site.ts";
import { gatewayYaml, siteFolder, testRegistry } from "./test-site.ts";
import { uploadKeys, uploadsField } from "./upload-schema.ts";

const head = "device: a\nadapter: polled\nconnection: { host: h }\n";
const tags = `tags:
  one: { address: 1, upload: { every: 10s } }
  two/x: { address: 2 }
  two/y: { address: 3, upload: none }
  text: { address: 4, text: true }
`;

async function load(upload: string) {
  const dir = await siteFolder({
    "gateway.yaml": `${gatewayYaml}${upload}`,
    "devices/a.yaml": `${head}${tags}`,
  });
  return loadSite(dir, { registry: testRegistry, env: {} });
}

async function siteWith(upload: string) {
  const loaded = await load(upload);
  if (loaded.ok) return loaded.site;
  throw new TypeError(JSON.stringify(loaded.issues));
}

test("a mapping's rule counts before a pattern, and the more exact pattern before the other", async () => {
  const site = await siteWith(
    'upload: { tags: { "#": raw, "+/two/+": { onChange: 1 }, "a/two/#": { swingingDoor: 2, stream: s } } }\n',
  );
  expect(site.upload?.tags).toEqual({
    "a/one": {
      kind: "window",
      stream: "telemetry",
      every: 10_000,
      lateness: 2_000,
      values: ["mean", "min", "max", "count"],
    },
    "a/two/x": { kind: "swingingDoor", stream: "s", deviation: 2, lateness: 2_000 },
    "a/text": { kind: "raw", stream: "telemetry" },
  });
});

test("a pattern's rule that a text has no use for leaves it to the next pattern", async () => {
  const site = await siteWith('upload: { tags: { "#": event, "a/#": { every: 1m } } }\n');
  expect(site.upload?.tags["a/text"]).toEqual({ kind: "event", stream: "events" });
  expect(site.upload?.tags["a/two/x"]).toMatchObject({ kind: "window", every: 60_000 });
});

test("a pattern that matches no tag is a mistake, with the tag that was perhaps meant", async () => {
  expect(await load('upload: { tags: { "a/ome": raw } }\n')).toMatchObject({
    ok: false,
    issues: [{ file: "gateway.yaml", line: 3, column: 19, meant: "a/one" }],
  });
});

test("an edit of what is uploaded restarts nothing", async () => {
  const diff = diffSites(await siteWith(""), await siteWith('upload: { tags: { "#": raw } }\n'));
  expect(diff).toEqual({ added: [], removed: [], changed: [], restartKeys: [] });
});

const guide = readFileSync(new URL("../../docs/upload.md", import.meta.url), "utf8");

test("docs/upload.md lists the keys of an upload entry and of gateway.yaml with their defaults, and no others", () => {
  expect(documentedKeys(guide, "The upload entry")).toEqual(schemaKeys(z.strictObject(uploadKeys)));
  expect(documentedKeys(guide, "In gateway.yaml")).toEqual(schemaKeys(uploadsField.omit({ tags: true })));
});

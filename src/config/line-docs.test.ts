import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { documentedKeys, schemaKeys } from "../adapter-kit/testing.ts";
import { loadSite } from "./load-site.ts";
import { stationSchema } from "./line-schema.ts";
import { siteFolder } from "./test-site.ts";

const docs = new URL("../../docs/scheduling.md", import.meta.url);
const factory = new URL("../../mappings/factory/", import.meta.url);

test("docs/scheduling.md lists every key of a station with its default, and no other", async () => {
  const markdown = await readFile(docs, "utf8");
  // Beside its keys, `after` takes the name of one station.
  const keys = [{ key: "after", default: "–" }, ...schemaKeys(stationSchema)];
  expect(documentedKeys(markdown, "Keys of a station")).toEqual(keys);
});

test("the example of docs/scheduling.md is right for the factory's devices", async () => {
  const [, example = ""] = /```yaml\n# line\.yaml\n(.*?)```/s.exec(await readFile(docs, "utf8")) ?? [];
  const names = [
    "devices/press-1.yaml",
    "devices/welder-1.yaml",
    "devices/welder-1.csv",
    "devices/agv-1.yaml",
    "profiles/vda5050.yaml",
  ];
  const texts = await Promise.all(names.map((name) => readFile(new URL(name, factory), "utf8")));
  const files = Object.fromEntries(names.map((name, index) => [name, texts[index] ?? ""]));
  const loaded = await loadSite(await siteFolder({ ...files, "line.yaml": example }));
  expect(loaded.ok ? loaded.site.line?.stations.map(({ name }) => name) : loaded.issues).toEqual([
    "press",
    "weld",
    "agv",
  ]);
});

import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { loadSite } from "../config/load-site.ts";
import { siteFolder } from "../config/test-site.ts";
import { run } from "./alerts.ts";

const device = `device: a
adapter: modbus
connection: { transport: tcp, host: 127.0.0.1 }
tags: { n: { address: "holding:1", write: { max: 9 } }, b: { address: "coil:0" } }
`;
const yaml = `# Of line 1
defaults: { priority: low }
alerts:
  hot: { message: Too hot, when: { tag: a/n, above: 5 } } # as agreed
  off: { message: Off, when: { offline: a } }
  old: { message: Old, when: { tag: a/b, is: true } }
`;
const edited = `alert,message,tag,above,offline,onRaise.write
hot,Too hot,a/n,5,,
off,Switched off,,,a,
new,"Much, much too hot",a/n,7,,a/n = 3
`;

afterEach(() => vi.restoreAllMocks());

function said() {
  const lines: string[] = [];
  const take = (text: unknown) => void lines.push(String(text));
  vi.spyOn(console, "log").mockImplementation(take);
  vi.spyOn(console, "error").mockImplementation(take);
  vi.spyOn(process.stdout, "write").mockImplementation((text) => (take(text), true));
  return lines;
}

function folder(files: Readonly<Record<string, string>>): Promise<string> {
  return siteFolder({ "devices/a.yaml": device, ...files });
}

async function alertsIn(dir: string) {
  const loaded = await loadSite(dir);
  return loaded.ok ? loaded.site.alerts : loaded.issues;
}

test("an import tells what it added, changed and removed; what stays keeps its lines", async () => {
  const dir = await folder({ "alerts.yaml": yaml, "edited.csv": edited });
  const lines = said();
  expect(await run(["import", dir, join(dir, "edited.csv")])).toBe(0);
  expect(lines.slice(0, 3)).toEqual(["added:   new", "changed: off", "removed: old"]);
  expect(await readFile(join(dir, "alerts.yaml"), "utf8")).toBe(`# Of line 1
defaults: { priority: low }
alerts:
  hot: { message: Too hot, when: { tag: a/n, above: 5 } } # as agreed
  off:
    message: Switched off
    when: { offline: a }
  new:
    message: Much, much too hot
    when: { tag: a/n, above: 7 }
    onRaise:
      write: { a/n: 3 }
`);
  expect((await readdir(dir)).toSorted()).toEqual(["alerts.yaml", "devices", "edited.csv", "gateway.yaml"]);
});

test("an import with mistakes tells all of them by row and column, and changes nothing", async () => {
  const wrong = edited.replace("a/n,5,", "a/m,5,").replace("a/n = 3", "a/n = 30");
  const dir = await folder({ "alerts.yaml": yaml, "edited.csv": wrong });
  const lines = said();
  const file = join(dir, "edited.csv");
  expect(await run(["import", dir, file])).toBe(1);
  expect(lines.join("\n")).toContain(`${file}:2:13  alerts.hot.when.tag: there is no tag "a/m"`);
  expect(lines.join("\n")).toContain(`${file}:4:33  alerts.new.onRaise.write.a/n: a/n: 30 is above`);
  expect(await readFile(join(dir, "alerts.yaml"), "utf8")).toBe(yaml);
});

test("a dry run tells the same and changes nothing", async () => {
  const dir = await folder({ "alerts.yaml": yaml, "edited.csv": edited });
  const lines = said();
  expect(await run(["import", dir, join(dir, "edited.csv"), "--dry-run"])).toBe(0);
  expect(lines[1]).toBe("changed: off");
  expect(await readFile(join(dir, "alerts.yaml"), "utf8")).toBe(yaml);
});

test("where alerts.yaml names a CSV file, that is what is replaced", async () => {
  const head = "defaults: { priority: high }\nalerts: alarms.csv\n";
  const dir = await folder({
    "alerts.yaml": head,
    "alarms.csv": "alert,message,offline\nx,m,a\n",
    "e.csv": edited,
  });
  const lines = said();
  expect(await run(["import", dir, join(dir, "e.csv")])).toBe(0);
  expect(lines.slice(0, 2)).toEqual(["added:   hot, off, new", "removed: x"]);
  expect(await readFile(join(dir, "alarms.csv"), "utf8")).toBe(edited);
  expect(await readFile(join(dir, "alerts.yaml"), "utf8")).toBe(head);
});

test("what was exported is imported as the very same, into a folder without alerts too", async () => {
  const dir = await folder({ "alerts.yaml": yaml });
  const before = await alertsIn(dir);
  const lines = said();
  expect(await run(["export", dir])).toBe(0);
  const empty = await folder({ "exported.csv": lines.join("") });
  for (const where of [dir, empty]) {
    await writeFile(join(where, "exported.csv"), lines[0] ?? "");
    expect(await run(["import", where, join(where, "exported.csv")])).toBe(0);
    expect(await alertsIn(where)).toEqual(before);
  }
  expect(await readFile(join(dir, "alerts.yaml"), "utf8")).toBe(yaml);
});

test("a folder with mistakes is not exported, and wrong arguments are told", async () => {
  const lines = said();
  expect(await run(["export", await folder({ "alerts.yaml": "alerts: 5\n" })])).toBe(1);
  expect(lines.join("\n")).toContain("alerts.yaml:1:9");
  for (const args of [["import", "dir"], ["export"], ["list", "dir"]])
    await expect(run(args)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
});

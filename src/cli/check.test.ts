import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test, vi } from "vitest";
import { loadSite } from "../config/load-site.ts";
import { run } from "./check.ts";
import { issueReport } from "./issue-text.ts";

const cases = fileURLToPath(new URL("../config/cases/", import.meta.url));
const mappings = fileURLToPath(new URL("../../mappings/", import.meta.url));
const sites = readdirSync(mappings).filter((name) => name !== "schemas");

afterEach(() => vi.restoreAllMocks());

async function mistakesOf(name: string) {
  const loaded = await loadSite(`${cases}${name}`, { env: {} });
  if (loaded.ok) throw new TypeError(`no mistake was found in ${name}`);
  return loaded.issues;
}

test.each(readdirSync(cases))("every mistake of the folder %s is told at its place", async (name) => {
  const report = issueReport(name, await mistakesOf(name));
  expect(`${report}\n`).toBe(await readFile(`${cases}${name}/expected.txt`, "utf8"));
});

test.each(readdirSync(cases))("each mistake of %s says what is wrong and what is allowed", async (name) => {
  for (const issue of await mistakesOf(name)) {
    expect(issue).toMatchObject({ message: expect.stringMatching(/./), allowed: expect.stringMatching(/./) });
  }
});

test.each(sites)("the example site %s has no mistakes", async (name) => {
  const print = vi.spyOn(console, "log").mockReturnValue();
  const code = await run([`${mappings}${name}`]);
  expect(print.mock.calls.join()).toContain("no mistakes");
  expect(code).toBe(0);
});

test("a folder with twenty mistakes has each of them named", async () => {
  expect(await mistakesOf("twenty-mistakes")).toHaveLength(20);
});

test.each(readdirSync(cases))("no message of %s repeats a secret", async (name) => {
  expect(JSON.stringify(await mistakesOf(name))).not.toMatch(/\$2b|:secret@|"secret/);
});

test("for tools there is one JSON object, and the exit code is 1", async () => {
  const print = vi.spyOn(console, "log").mockReturnValue();
  expect(await run([`${cases}twenty-mistakes`, "--json"])).toBe(1);
  expect(print).toHaveBeenCalledOnce();
  const printed: unknown = JSON.parse(String(print.mock.calls[0]?.[0]));
  expect(printed).toMatchObject({ ok: false });
  expect(printed).toHaveProperty("issues.2", {
    file: "devices/press-1.yaml",
    line: 10,
    column: 5,
    path: "tags.ram/pressure.scael",
    message: 'unknown key "scael"',
    allowed: expect.stringContaining("scale, offset"),
    meant: "scale",
  });
});

test("a folder that is not there is a mistake as well", async () => {
  const print = vi.spyOn(console, "log").mockReturnValue();
  expect(await run(["/nowhere/at/all"])).toBe(1);
  expect(print.mock.calls[0]?.[0]).toContain("there is no folder /nowhere/at/all");
});

test("two folders are one too many", async () => {
  await expect(run(["a", "b"])).rejects.toMatchObject({ code: "CONFIG_INVALID" });
});

import { execFile } from "node:child_process";
import { appendFile, cp, mkdir, readdir, readFile, rm, symlink, utimes } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeEach, expect, test } from "vitest";
import { noServerHere, scratchFolder } from "../../src/nats/testing.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..", "..");

/** An installation as a package would have it: the bundle, the packages and the start script, none of the sources. */
async function installed(): Promise<string> {
  const folder = await scratchFolder();
  const packages = join(folder, "node_modules");
  await mkdir(packages);
  for (const name of await readdir(join(root, "node_modules")))
    if (name !== ".cache") await symlink(join(root, "node_modules", name), join(packages, name));
  await cp(join(root, "bin"), join(folder, "bin"), { recursive: true });
  await cp(join(root, "mappings"), join(folder, "mappings"), { recursive: true });
  await cp(join(root, "package.json"), join(folder, "package.json"));
  await run(process.execPath, [join(root, "bin", "bundle.mjs"), folder]);
  return folder;
}

/** The program as a user starts it. */
async function linegate(folder: string, ...args: readonly string[]) {
  return run(join(folder, "bin", "linegate"), args);
}

beforeEach(async (ctx) => {
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
});

test(
  "an installation without sources runs the whole factory from its bundle",
  { timeout: 180_000 },
  async () => {
    const folder = await installed();
    const { stdout, stderr } = await linegate(folder, "demo", "--json", "--seconds", "6");
    // A port that something else takes after it was found free is told by nats-server, and another one is used.
    const wrong = stderr.split("\n").filter((line) => /error/i.test(line) && !/listening on port/.test(line));
    expect(wrong).toEqual([]);
    expect(JSON.parse(stdout)).toMatchObject({ devices: 11, online: 11 });
    const checked = await linegate(folder, "check", join(folder, "mappings", "factory"));
    expect(checked.stdout).toContain("no mistakes");
    const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
    expect((await linegate(folder, "--version")).stdout.trim()).toBe(version);
  },
);

test("a text of the bundle has no character that would double its size in memory", async () => {
  const bundle = join(await installed(), "node_modules", ".cache", "linegate-bundle", "current");
  const wide: string[] = [];
  for (const name of await readdir(bundle))
    if (/[\u0100-\uFFFF]/.test(await readFile(join(bundle, name), "utf8"))) wide.push(name);
  expect(wide).toEqual([]);
});

test("the bundle is fresh until a source comes, changes or goes, be it with an older time", async () => {
  const folder = await installed();
  const isFresh = async () =>
    run(join(folder, "bin", "bundle-is-fresh")).then(
      () => true,
      () => false,
    );
  const again = async () => {
    expect(await isFresh()).toBe(false);
    await run(process.execPath, [join(root, "bin", "bundle.mjs"), folder]);
    expect(await isFresh()).toBe(true);
  };
  expect(await isFresh()).toBe(true);
  await cp(join(root, "src", "domain"), join(folder, "src", "domain"), { recursive: true });
  await again();
  const source = join(folder, "src", "domain", "duration.ts");
  await utimes(source, 0, 0);
  await again();
  await appendFile(join(folder, "src", "domain", "duration.test.ts"), "\n");
  expect(await isFresh()).toBe(true);
  await appendFile(source, "\n");
  await again();
  await rm(source);
  expect(await isFresh()).toBe(false);
});

test("a newer bundle leaves the one before it to the gateway that still runs", async () => {
  const folder = await installed();
  const bundles = join(folder, "node_modules", ".cache", "linegate-bundle");
  const [first] = (await readdir(bundles)).filter((name) => name !== "current");
  await run(process.execPath, [join(root, "bin", "bundle.mjs"), folder]);
  expect(await readdir(bundles)).toContain(first);
  await run(process.execPath, [join(root, "bin", "bundle.mjs"), folder]);
  expect(await readdir(bundles)).toHaveLength(3);
  expect(await readdir(bundles)).not.toContain(first);
});

import { chmod, lstat, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { replaceFile } from "./replace-file.ts";
import { siteFolder } from "./test-site.ts";

test("a replaced file keeps its mode, and a link to it stays a link", async () => {
  const dir = await siteFolder({ "real/alerts.yaml": "old" });
  const [real, link] = [join(dir, "real/alerts.yaml"), join(dir, "alerts.yaml")];
  await chmod(real, 0o666);
  await symlink(real, link);
  await replaceFile(link, "new");
  expect(await readFile(real, "utf8")).toBe("new");
  expect((await stat(real)).mode & 0o777).toBe(0o666);
  expect((await lstat(link)).isSymbolicLink()).toBe(true);
});

test("a file that is not there yet is made", async () => {
  const file = join(await siteFolder({}), "alerts.yaml");
  await replaceFile(file, "new");
  expect(await readFile(file, "utf8")).toBe("new");
});

test("what can't be replaced is left as it was, and nothing is left beside it", async () => {
  const dir = await siteFolder({});
  await mkdir(join(dir, "alerts.csv"));
  await writeFile(join(dir, "alerts.csv/inside"), "x");
  await expect(replaceFile(join(dir, "alerts.csv"), "new")).rejects.toMatchObject({
    code: expect.any(String),
  });
  expect((await readdir(dir)).toSorted()).toEqual(["alerts.csv", "gateway.yaml"]);
});

import { writeFileSync } from "node:fs";
import { mkdir, rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, onTestFinished, test, vi } from "vitest";
import { siteFolder } from "./test-site.ts";
import { SiteWatch } from "./watch-site.ts";

// Files are written in one go, writeFileSync: a write of two steps with a pause between is two changes.
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

async function watched(files: Readonly<Record<string, string>>, follow: readonly string[] = []) {
  const dir = await siteFolder(files);
  const onChange = vi.fn<() => void>();
  const watch = new SiteWatch({
    dir,
    files: follow.map((file) => join(dir, file)),
    log,
    onChange,
    quietMs: 20,
  });
  watch.start();
  onTestFinished(() => watch.close());
  return { dir, watch, onChange, at: (file: string) => join(dir, file) };
}

const device = { "devices/a.yaml": "device: a\n" };

test("a burst of edits in place is told once", async () => {
  const { onChange, at } = await watched(device);
  for (let edit = 0; edit < 5; edit += 1) writeFileSync(at("devices/a.yaml"), `device: a${edit}\n`);
  await vi.waitFor(() => expect(onChange).toHaveBeenCalledOnce());
  await delay(60);
  expect(onChange).toHaveBeenCalledOnce();
});

test("an editor that renames a new file over the old is seen, each time", async () => {
  const { onChange, at } = await watched(device);
  for (let edit = 1; edit <= 3; edit += 1) {
    writeFileSync(at("devices/.a.yaml.swp"), `device: a${edit}\n`);
    await rename(at("devices/.a.yaml.swp"), at("devices/a.yaml"));
    await vi.waitFor(() => expect(onChange.mock.calls.length).toBeGreaterThanOrEqual(edit));
  }
});

test("new and deleted device files are seen", async () => {
  const { onChange, at } = await watched(device);
  writeFileSync(at("devices/b.yaml"), "device: b\n");
  await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(1));
  await rm(at("devices/a.yaml"));
  await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(2));
});

test("profiles and CSV files in folders of their own are seen, once a load names them", async () => {
  const { onChange, watch, at } = await watched({ ...device, "profiles/p.yaml": "a: 1\n" });
  writeFileSync(at("profiles/p.yaml"), "a: 2\n");
  await delay(60);
  expect(onChange).not.toHaveBeenCalled();
  watch.follow([at("profiles/p.yaml")], Number.POSITIVE_INFINITY);
  writeFileSync(at("profiles/p.yaml"), "a: 3\n");
  await vi.waitFor(() => expect(onChange).toHaveBeenCalledOnce());
});

test("a profile that a load names for the first time and that was edited since that load began is told", async () => {
  const { onChange, watch, at } = await watched({ ...device, "profiles/p.yaml": "a: 1\n" });
  const began = Date.now();
  writeFileSync(at("profiles/p.yaml"), "a: 2\n");
  watch.follow([at("profiles/p.yaml")], began);
  await vi.waitFor(() => expect(onChange).toHaveBeenCalledOnce());
  watch.follow([at("profiles/p.yaml")], began);
  await delay(60);
  expect(onChange).toHaveBeenCalledOnce();
});

test("a file that was missing is seen when it comes, in a folder that was missing too", async () => {
  const { onChange, at } = await watched(device, ["profiles/p.yaml"]);
  await mkdir(at("profiles"));
  writeFileSync(at("profiles/p.yaml"), "a: 1\n");
  await vi.waitFor(() => expect(onChange).toHaveBeenCalled());
});

test("folders that come one by one lead to the file that was missing", async () => {
  const { onChange, at } = await watched(device, ["shared/types/meters/p.yaml"]);
  for (const folder of ["shared", "shared/types", "shared/types/meters"]) {
    await mkdir(at(folder));
    await delay(60);
  }
  expect(onChange).not.toHaveBeenCalled();
  writeFileSync(at("shared/types/meters/p.yaml"), "a: 1\n");
  await vi.waitFor(() => expect(onChange).toHaveBeenCalledOnce());
});

test("a devices folder that is replaced as a whole stays watched", async () => {
  const { onChange, at } = await watched(device);
  await rename(at("devices"), at("old"));
  await mkdir(at("devices"));
  writeFileSync(at("devices/c.yaml"), "device: c\n");
  await vi.waitFor(() => expect(onChange).toHaveBeenCalled());
  await delay(60);
  onChange.mockClear();
  writeFileSync(at("devices/c.yaml"), "device: cc\n");
  await vi.waitFor(() => expect(onChange).toHaveBeenCalled());
});

test("files behind a link that is switched are seen", async () => {
  const { onChange, at } = await watched({ "v1/x.yaml": "a: 1\n", "v2/x.yaml": "a: 2\n" }, [
    "current/x.yaml",
  ]);
  await symlink("v1", at("current"));
  await vi.waitFor(() => expect(onChange).toHaveBeenCalled());
  onChange.mockClear();
  await symlink("v2", at("next"));
  await rename(at("next"), at("current"));
  await vi.waitFor(() => expect(onChange).toHaveBeenCalled());
});

test("what happens beside the mapping files is not told", async () => {
  const { onChange, at } = await watched(device);
  await mkdir(at("data"));
  writeFileSync(at("data/store.db"), "x");
  writeFileSync(at("notes.txt"), "x");
  await delay(80);
  expect(onChange).not.toHaveBeenCalled();
});

test("closed, it tells nothing more", async () => {
  const { onChange, watch, at } = await watched(device);
  writeFileSync(at("devices/a.yaml"), "device: b\n");
  watch.close();
  watch.close();
  await delay(60);
  expect(onChange).not.toHaveBeenCalled();
});

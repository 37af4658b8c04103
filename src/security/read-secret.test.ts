import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readSecret } from "./read-secret.ts";

function siteDir(): string {
  const dir = mkdtempSync(join(tmpdir(), "linegate-secret-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  return dir;
}

test("a secret comes from the environment or from a file beside the mapping", async () => {
  const dir = siteDir();
  writeFileSync(join(dir, "nats.password"), "from file\n");
  const sources = { siteDir: dir, environment: { NATS_PASSWORD: "from env" } };
  expect(await readSecret("env:NATS_PASSWORD", sources)).toBe("from env");
  expect(await readSecret("file:nats.password", sources)).toBe("from file");
});

test.each(["env:NOT_SET", "file:not-there", "file:empty"])("%s is refused by name", async (reference) => {
  const dir = siteDir();
  writeFileSync(join(dir, "empty"), "\n");
  await expect(readSecret(reference, { siteDir: dir, environment: {} })).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringContaining(reference.split(":")[1] ?? "") as string,
  });
});

test("a secret given in the place of its reference is not repeated", async () => {
  await expect(readSecret("hunter2", { siteDir: "/", environment: {} })).rejects.not.toThrow(/hunter2/);
});

import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..", "..");
const run = promisify(execFile);

/** What of Node's own is loaded once these are, in a process of its own. */
async function builtinsBehind(...specifiers: readonly string[]): Promise<string[]> {
  const source = [
    ...specifiers.map((specifier) => `await import(${JSON.stringify(specifier)});`),
    "console.log(JSON.stringify(process.moduleLoadList));",
  ].join("\n");
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", source]);
  return JSON.parse(stdout) as string[];
}

const fetchClient = "NativeModule internal/deps/undici/undici";

test("a gateway with listeners, and the adapters that a site may have, leave Node's fetch client unloaded", async () => {
  const adapters = ["camera", "modbus", "mqtt", "opcua", "sparkplug"].map((name) =>
    join(root, "adapters", name, "adapter.ts"),
  );
  const loaded = await builtinsBehind(join(root, "src", "gateway.ts"), ...adapters);
  expect(loaded).toContain("NativeModule http");
  expect(loaded).not.toContain(fetchClient);
});

test("an import of node:http would load it", async () => {
  expect(await builtinsBehind("node:http")).toContain(fetchClient);
});

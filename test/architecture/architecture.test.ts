import { globSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { cyclesOf, importsOf } from "./imports.ts";
import { breaches, rules } from "./rules.ts";

const root = join(import.meta.dirname, "..", "..");
const sources = "{src,adapters,simulators,test,bench}/**/*.ts";

/** A project of the given files, as the rules see it. */
function planted(files: Readonly<Record<string, string>>) {
  const folder = mkdtempSync(join(tmpdir(), "linegate-architecture-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, dirname(path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return importsOf(folder, Object.keys(files));
}

test("the project keeps its own rules of who may import what", () => {
  const imports = importsOf(root, globSync(sources, { cwd: root }));
  expect(imports.length).toBeGreaterThan(100);
  expect(breaches(imports)).toEqual([]);
});

test("no modules import each other in a circle", () => {
  const imports = importsOf(root, globSync(sources, { cwd: root }));
  expect(cyclesOf(imports)).toEqual([]);
});

test("a planted circle is seen, and one of types alone is none", () => {
  const circle = planted({
    "src/a.ts": `import { b } from "./b.ts"; export const a = b;`,
    "src/b.ts": `import { a } from "./a.ts"; export const b = a;`,
    "src/c.ts": `import type { D } from "./d.ts"; export type C = D;`,
    "src/d.ts": `import { type C } from "./c.ts"; export type D = C;`,
  });
  expect(cyclesOf(circle)).toEqual([["src/a.ts", "src/b.ts"]]);
});

const violations = [
  ["adapters/modbus/x.ts", `import { y } from "../mqtt/y.ts";`, "an adapter imports no other adapter"],
  [
    "adapters/modbus/x.ts",
    `export { log } from "../../src/observability/log.ts";`,
    "an adapter imports nothing of src",
  ],
  [
    "adapters/modbus/x.ts",
    `const m = await import("../../src/gateway.ts");`,
    "an adapter imports nothing of src",
  ],
  ["src/domain/x.ts", `import { readFileSync } from "node:fs";`, "the domain imports nothing"],
  [
    "src/adapter-kit/x.ts",
    `import { Supervisor } from "../supervisor/supervisor.ts";`,
    "the adapter kit knows nothing",
  ],
  ["src/gateway.ts", `import { m } from "../adapters/modbus/adapter.ts";`, "only the adapter registry"],
  [
    "src/adapter-registry.ts",
    `import { m } from "../adapters/modbus/adapter.ts";`,
    "only the adapter registry",
  ],
  ["src/gateway.ts", `import { s } from "../simulators/modbus/server.ts";`, "does not import its simulators"],
  ["src/gateway.ts", `import * as z from "zod";`, "zod, yaml and csv-parse stay out"],
  [
    "src/gateway.ts",
    `import { gatewaySchema } from "./config/gateway-schema.ts";`,
    "loaded by the gateway only apart",
  ],
  ["src/gateway.ts", `import { createServer } from "node:http";`, "node:http is taken from"],
  ["src/gateway.ts", `import M from "modbus-serial";`, "a protocol's package"],
  ["src/gateway.ts", `import { O } from "node-opcua-types";`, "a protocol's package"],
] as const;

test.each(violations)("a planted violation is seen: %s with %s", (file, source, rule) => {
  const found = breaches(planted({ [file]: source }));
  expect(found).toHaveLength(1);
  expect(found[0]).toContain(rule);
});

test("every rule has a planted violation", () => {
  const unproven = rules.filter(({ name }) => !violations.some(([, , planted]) => name.includes(planted)));
  expect(unproven).toEqual([]);
});

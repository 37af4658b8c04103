/**
 * Writes the JSON Schema files that give editors completion and hints for mapping files; with `--check` it only tells
 * (exit 1) whether the files there are those.
 *
 * node src/config/json-schema.ts [--check] FOLDER
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { adapterRegistry } from "../adapter-registry.ts";
import { schemaFiles } from "./editor-schemas.ts";
import type { SchemaRegistry } from "./merge-device.ts";

async function isCurrent(file: string, text: string): Promise<boolean> {
  return readFile(file, "utf8").then(
    (found) => found === text,
    () => false,
  );
}

/** Writes the files, or with `check` names on stderr those that are not what they should be. Gives the exit code. */
export async function main(
  args: readonly string[],
  registry: SchemaRegistry = adapterRegistry,
): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { check: { type: "boolean" } },
    allowPositionals: true,
  });
  const folder = positionals[0] ?? "mappings/schemas";
  const schemas = await Promise.all(Object.values(registry).map((adapter) => adapter.schema()));
  const stale: string[] = [];
  await mkdir(folder, { recursive: true });
  for (const [name, schema] of schemaFiles(schemas)) {
    const file = join(folder, name);
    const text = `${JSON.stringify(schema, undefined, 2)}\n`;
    if (await isCurrent(file, text)) continue;
    if (values.check === true) stale.push(file);
    else await writeFile(file, text);
  }
  if (stale.length > 0) process.stderr.write(`not current: ${stale.join(", ")}. Run: npm run -s schemas\n`);
  return stale.length > 0 ? 1 : 0;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));

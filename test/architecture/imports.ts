import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { parseSync } from "oxc-parser";

/** One import of one file, both relative to the project's root; packages keep their name. */
export interface Import {
  readonly from: string;
  readonly to: string;
  /** Erased before the program runs. */
  readonly typeOnly: boolean;
  /** `import()`: loaded only when reached. */
  readonly dynamic: boolean;
}

function resolve(root: string, from: string, specifier: string): string {
  return specifier.startsWith(".") ? relative(root, join(root, dirname(from), specifier)) : specifier;
}

/** Every import of the given source files. */
export function importsOf(root: string, files: readonly string[]): Import[] {
  return files.flatMap((from) => {
    const source = readFileSync(join(root, from), "utf8");
    const { module } = parseSync(from, source);
    const declared = module.staticImports.map((entry): Import => {
      const typeOnly = entry.entries.length > 0 && entry.entries.every((name) => name.isType);
      return { from, to: resolve(root, from, entry.moduleRequest.value), typeOnly, dynamic: false };
    });
    const exported = module.staticExports.flatMap((statement) =>
      statement.entries.flatMap((entry): Import[] => {
        const request = entry.moduleRequest;
        if (!request) return [];
        return [{ from, to: resolve(root, from, request.value), typeOnly: entry.isType, dynamic: false }];
      }),
    );
    const dynamic = module.dynamicImports.flatMap((entry): Import[] => {
      const text = source.slice(entry.moduleRequest.start, entry.moduleRequest.end);
      const literal = /^["'](.*)["']$/.exec(text)?.[1];
      return literal === undefined
        ? []
        : [{ from, to: resolve(root, from, literal), typeOnly: false, dynamic: true }];
    });
    return [...declared, ...exported, ...dynamic];
  });
}

/** The cycles among imports that are there when a module is loaded; each as the list of its files. */
export function cyclesOf(imports: readonly Import[]): string[][] {
  const next = new Map<string, string[]>();
  for (const { from, to, typeOnly, dynamic } of imports) {
    if (!typeOnly && !dynamic) next.set(from, [...(next.get(from) ?? []), to]);
  }
  const cycles: string[][] = [];
  const done = new Set<string>();
  const visit = (file: string, trail: string[]): void => {
    const seenAt = trail.indexOf(file);
    if (seenAt >= 0) {
      cycles.push(trail.slice(seenAt));
      return;
    }
    if (done.has(file)) return;
    for (const to of next.get(file) ?? []) visit(to, [...trail, file]);
    done.add(file);
  };
  for (const file of next.keys()) visit(file, []);
  return cycles;
}

import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Node } from "yaml";
import type { Mistakes } from "./mistakes.ts";
import type { Place, Source, SourceEntry, SourcePath } from "./source.ts";

/** Far above any mapping; what aliases of aliases multiply to beyond it is an attack or a slip. */
const mostParts = 200_000;

interface Reading {
  readonly mistakes: Mistakes;
  readonly anchors: Map<string, Anchored>;
  placeOf(offset: number | undefined): Place;
  /** How many parts were read so far, those that aliases repeat counted each time. */
  parts: number;
}

interface Anchored {
  readonly source: Source;
  readonly parts: number;
}

/**
 * Reads one YAML file. Syntax errors and keys that stand twice become mistakes; undefined where nothing of the file can
 * be used, because the syntax is broken.
 */
export function readYaml(text: string, file: string, mistakes: Mistakes): Source | undefined {
  const lines = new LineCounter();
  // Keys that stand twice are found below, with the place of the first.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const placeOf = (offset = 0): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  for (const error of document.errors) {
    mistakes.add(placeOf(error.pos[0]), [], {
      message:
        error.code === "MULTIPLE_DOCS"
          ? "a second document begins here"
          : `this is not YAML: ${error.message}`,
      allowed: "YAML 1.2, one document a file, indented with spaces",
    });
  }
  if (document.errors.length > 0) return undefined;
  const reading: Reading = { mistakes, anchors: new Map(), placeOf, parts: 0 };
  const source = toSource(reading, document.contents, placeOf(0), []);
  // A mistake about the file as a whole is shown at its first key, not at a comment.
  return document.contents === null ? { ...source, place: { file, line: 1, column: 1 } } : source;
}

function toSource(reading: Reading, node: Node | null, fallback: Place, path: SourcePath): Source {
  const before = reading.parts;
  reading.parts += 1;
  const place = node?.range ? reading.placeOf(node.range[0]) : fallback;
  const nothing = { kind: "scalar", place, value: null } as const;
  if (node === null) return nothing;
  if (isAlias(node)) return resolveAlias(reading, node.source, place, path) ?? { ...nothing, told: true };
  const source = contentsOf(reading, node, place, path) ?? nothing;
  // Set only now: an anchor within itself has no end.
  const anchor = isMap(node) || isSeq(node) || isScalar(node) ? node.anchor : undefined;
  if (anchor !== undefined) reading.anchors.set(anchor, { source, parts: reading.parts - before });
  return source;
}

function contentsOf(reading: Reading, node: Node, place: Place, path: SourcePath): Source | undefined {
  if (isMap(node)) return { kind: "map", place, entries: readEntries(reading, node.items, place, path) };
  if (isSeq(node)) {
    const items = node.items.map((item, index) => toSource(reading, item as Node, place, [...path, index]));
    return { kind: "list", place, items };
  }
  return isScalar(node) ? { kind: "scalar", place, value: node.value } : undefined;
}

/** What an alias stands for; undefined, and told, where that is nothing or far too much. */
function resolveAlias(reading: Reading, name: string, place: Place, path: SourcePath): Source | undefined {
  const target = reading.anchors.get(name);
  if (target === undefined) {
    reading.mistakes.add(place, path, {
      message: `the alias *${name} has no anchor`,
      allowed: `an anchor &${name} that stands before it`,
    });
    return undefined;
  }
  if (reading.parts + target.parts > mostParts) {
    reading.mistakes.add(place, path, {
      message: "with what this alias repeats the file has too many parts",
      allowed: `${mostParts} parts, all that aliases repeat included`,
    });
    return undefined;
  }
  reading.parts += target.parts;
  return target.source;
}

function readEntries(
  reading: Reading,
  pairs: readonly { key: unknown; value: unknown }[],
  mapPlace: Place,
  path: SourcePath,
): ReadonlyMap<string, SourceEntry> {
  const entries = new Map<string, SourceEntry>();
  for (const pair of pairs) {
    const keyNode = pair.key as Node | null;
    const keyPlace = keyNode?.range ? reading.placeOf(keyNode.range[0]) : mapPlace;
    if (!isScalar(keyNode)) {
      reading.mistakes.add(keyPlace, path, { message: "a list or map stands as a key", allowed: "a name" });
      continue;
    }
    // As written, where the key is no string: `1.0` is the key "1.0".
    const key = typeof keyNode.value === "string" ? keyNode.value : (keyNode.source ?? String(keyNode.value));
    const first = entries.get(key)?.keyPlace;
    if (first !== undefined) {
      reading.mistakes.add(keyPlace, [...path, key], duplicateKey(path, key, first));
      continue;
    }
    entries.set(key, {
      keyPlace,
      value: toSource(reading, pair.value as Node | null, keyPlace, [...path, key]),
    });
  }
  return entries;
}

/** What the keys of some maps are. */
const namedThings: Readonly<Record<string | number, string>> = { tags: "tag", alerts: "alert" };

function duplicateKey(path: SourcePath, key: string, first: Place): { message: string; allowed: string } {
  const what = path.length === 1 ? (namedThings[path[0] ?? ""] ?? "key") : "key";
  return {
    message: `the ${what} "${key}" stands twice; it is first given on line ${first.line}`,
    allowed: `each ${what} once`,
  };
}

/** Where something stands in a mapping file. */
export interface Place {
  /** Relative to the site folder. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
}

/** A key of a map, with the place of the key itself. */
export interface SourceEntry {
  readonly keyPlace: Place;
  readonly value: Source;
}

/** What a mapping file says, with the place of every part: the parts of a merged map may come from several files. */
export type Source =
  | {
      readonly kind: "scalar";
      readonly place: Place;
      readonly value: unknown;
      /** True where it could not be read, and why is told. */
      readonly told?: true;
    }
  | { readonly kind: "list"; readonly place: Place; readonly items: readonly Source[] }
  | { readonly kind: "map"; readonly place: Place; readonly entries: ReadonlyMap<string, SourceEntry> };

export type SourcePath = readonly (string | number)[];

/** True where a path is that of a part, or of something within the part. */
export function isBelow(path: SourcePath, part: SourcePath): boolean {
  return part.every((key, index) => key === path[index]);
}

/** True where nothing that a path leads through, nor its end, was left out. */
export function isSound(leftOut: readonly SourcePath[], path: SourcePath): boolean {
  return !leftOut.some((part) => isBelow(path, part));
}

/** True where nothing within the part was left out either. */
export function isWhole(leftOut: readonly SourcePath[], part: SourcePath): boolean {
  return isSound(leftOut, part) && !leftOut.some((path) => isBelow(path, part));
}

/** A map with nothing in it. */
export function emptyMap(place: Place): Source {
  return { kind: "map", place, entries: new Map() };
}

/** The value alone, as the schemas take it. */
export function plainValue(source: Source): unknown {
  switch (source.kind) {
    case "scalar":
      return source.value;
    case "list":
      return source.items.map(plainValue);
    case "map":
      // Null-prototype: a key such as `__proto__` is a key like any other.
      return [...source.entries].reduce<Record<string, unknown>>((plain, [key, entry]) => {
        plain[key] = plainValue(entry.value);
        return plain;
      }, Object.create(null));
  }
}

function entryAt(source: Source, key: string | number): SourceEntry | undefined {
  if (source.kind === "map") return source.entries.get(String(key));
  const item = source.kind === "list" ? source.items[Number(key)] : undefined;
  return item === undefined ? undefined : { keyPlace: item.place, value: item };
}

/** The entry of one key of a map; undefined where there is none. */
export function sourceAt(source: Source, ...path: SourcePath): Source | undefined {
  let found: Source | undefined = source;
  for (const key of path) found = found === undefined ? undefined : entryAt(found, key)?.value;
  return found;
}

/** The place of the value at a path, or of the nearest key above it where the value is absent or empty. */
export function valuePlace(source: Source, path: SourcePath): Place {
  return walk(source, path, (entry) =>
    entry.value.kind === "scalar" && entry.value.value === null ? entry.keyPlace : entry.value.place,
  );
}

/** The place of the key at a path, or of the nearest key above it. */
export function keyPlace(source: Source, path: SourcePath): Place {
  return walk(source, path, (entry) => entry.keyPlace);
}

function walk(source: Source, path: SourcePath, last: (entry: SourceEntry) => Place): Place {
  let place = source.place;
  let current = source;
  for (const [index, key] of path.entries()) {
    const entry = entryAt(current, key);
    if (entry === undefined) return place;
    if (index === path.length - 1) return last(entry);
    place = entry.keyPlace;
    current = entry.value;
  }
  return place;
}

/** Two maps as one, key by key and at every depth; where both say something, `own` wins. */
export function mergeSources(base: Source, own: Source): Source {
  if (base.kind !== "map" || own.kind !== "map") return own;
  const entries = new Map(base.entries);
  for (const [key, entry] of own.entries) {
    const below = base.entries.get(key);
    const value = below === undefined ? entry.value : mergeSources(below.value, entry.value);
    entries.set(key, { keyPlace: entry.keyPlace, value });
  }
  return { kind: "map", place: own.place, entries };
}

/** The map without one key. */
export function withoutKey(source: Source, key: string): Source {
  if (source.kind !== "map" || !source.entries.has(key)) return source;
  const entries = new Map(source.entries);
  entries.delete(key);
  return { ...source, entries };
}

/** The map with one key set to another value; the key's place stays where there is one. */
export function withKey(source: Source, key: string, value: Source): Source {
  if (source.kind !== "map") return source;
  const entries = new Map(source.entries);
  entries.set(key, { keyPlace: source.entries.get(key)?.keyPlace ?? value.place, value });
  return { ...source, entries };
}

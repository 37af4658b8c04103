/** The keys of a JSON Pointer, from the outside in. */
export type PointerPath = readonly string[];

/** True for a JSON Pointer: empty, or keys that each begin with `/`. RFC 6901 §3. */
export function isPointer(text: string): boolean {
  return /^(\/([^~/]|~[01])*)*$/.test(text);
}

/** The keys of a pointer that `isPointer`. `~1` is first made `/`, then `~0` `~` (RFC 6901 §4). */
export function pointerPath(pointer: string): PointerPath {
  return pointer
    .split("/")
    .slice(1)
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** What a JSON value holds at the path; undefined where there is nothing. Own keys alone count. */
export function valueAt(document: unknown, path: PointerPath): unknown {
  let value = document;
  for (const key of path) {
    if (typeof value !== "object" || value === null) return undefined;
    // RFC 6901 §4: an index has no leading zeros.
    if (Array.isArray(value) ? !/^(0|[1-9]\d*)$/.test(key) : !Object.hasOwn(value, key)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[key];
  }
  return value;
}

/** The JSON document that holds just this JSON at the path; every key makes an object. */
export function documentWith(json: string, path: PointerPath): string {
  return path.reduceRight((inner, key) => `{${JSON.stringify(key)}:${inner}}`, json);
}

import * as z from "zod";

/** One key of a mapping file, as a schema or a README knows it. */
export interface DocumentedKey {
  /** With the keys above it: `requests.maxRegisters`. */
  readonly key: string;
  /** The default as it is written in a file, `required`, or `–` where there is neither. */
  readonly default: string;
}

/** What zod makes of a schema, as far as it is looked at here. */
interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly oneOf?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  readonly default?: unknown;
}

/** Every key that a schema takes, those of nested maps in place of the maps, sorted by name. */
export function schemaKeys(schema: z.ZodType): DocumentedKey[] {
  const found = new Map<string, DocumentedKey>();
  collect(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as JsonSchema, "", found);
  return byName([...found.values()]);
}

/**
 * The keys that a README lists below a heading: rows of its first table, the key and its default in backticks,
 * such as `` | `port` | `502` | TCP port | ``. Sorted by name.
 */
export function documentedKeys(markdown: string, heading: string): DocumentedKey[] {
  const lines = markdown.split("\n");
  const start = lines.findIndex((line) => line.replace(/^#+ /, "") === heading && line.startsWith("#"));
  if (start < 0) return [];
  const first = lines.findIndex((line, index) => index > start && line.startsWith("|"));
  const next = lines.findIndex((line, index) => index > start && line.startsWith("#"));
  if (first < 0 || (next >= 0 && next < first)) return [];
  const end = lines.findIndex((line, index) => index > first && !line.startsWith("|"));
  const rows = lines.slice(first, end < 0 ? undefined : end);
  return byName(
    rows.flatMap((row) => {
      const [, key, standard] = row.split("|").map((cell) => cell.trim());
      const name = /^`([^`]+)`$/.exec(key ?? "")?.[1];
      return name === undefined ? [] : [{ key: name, default: (standard ?? "").replaceAll("`", "") }];
    }),
  );
}

function collect(schema: JsonSchema, prefix: string, found: Map<string, DocumentedKey>): void {
  for (const form of [...(schema.oneOf ?? []), ...(schema.anyOf ?? [])]) collect(form, prefix, found);
  for (const [name, field] of Object.entries(schema.properties ?? {})) {
    const key = prefix === "" ? name : `${prefix}.${name}`;
    if (hasKeys(field)) collect(field, key, found);
    else found.set(key, { key, default: defaultOf(field, schema.required?.includes(name) ?? false) });
  }
}

function hasKeys(schema: JsonSchema): boolean {
  return schema.properties !== undefined || [...(schema.oneOf ?? []), ...(schema.anyOf ?? [])].some(hasKeys);
}

function defaultOf(schema: JsonSchema, required: boolean): string {
  if (schema.default === undefined) return required ? "required" : "–";
  return typeof schema.default === "string" ? schema.default : JSON.stringify(schema.default);
}

function byName(keys: readonly DocumentedKey[]): DocumentedKey[] {
  return keys.toSorted((one, other) => (one.key < other.key ? -1 : 1));
}

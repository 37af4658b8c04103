import type { JsonValue } from "../domain/reading.ts";

/** What `${part}`, `${station}`, `${cycle}` and `${time}` stand for. */
export type Filling = Readonly<Record<string, string | number>>;

/** The names that texts of a mapping may hold as `${name}`. */
export const fillable = ["part", "station", "cycle", "time"] as const;

/** A value of the mapping with its texts filled in; a text that is one name alone takes over the value's type. */
export function fill(value: JsonValue, filling: Filling): JsonValue {
  if (typeof value === "string") {
    const alone = /^\$\{(\w+)\}$/.exec(value)?.[1];
    if (alone !== undefined) return filling[alone] ?? value;
    return value.replaceAll(/\$\{(\w+)\}/g, (written, name: string) => String(filling[name] ?? written));
  }
  if (Array.isArray(value)) return value.map((item: JsonValue) => fill(item, filling));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fill(item, filling)]));
}

/** Names in `${…}` that nothing stands for. */
export function unknownNames(value: JsonValue, known: readonly string[] = fillable): readonly string[] {
  const names = [...JSON.stringify(value).matchAll(/\$\{(\w+)\}/g)].map(([, name = ""]) => name);
  return names.filter((name) => !known.includes(name));
}

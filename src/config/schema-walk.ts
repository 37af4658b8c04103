import type * as z from "zod";
import type { SourcePath } from "./source.ts";

/** The parts of a zod definition that are walked; zod's own types name them one class at a time. */
interface Definition {
  readonly type: string;
  readonly innerType?: z.core.$ZodType;
  readonly in?: z.core.$ZodType;
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>;
  readonly valueType?: z.core.$ZodType;
  readonly element?: z.core.$ZodType;
  readonly options?: readonly z.core.$ZodType[];
  readonly getter?: () => z.core.$ZodType;
  readonly entries?: Readonly<Record<string, unknown>>;
  readonly values?: readonly unknown[];
}

export function definition(schema: z.core.$ZodType): Definition {
  return schema._zod.def;
}

/** The plain schemas behind optional, default, transform, lazy and unions: what a mapping file may hold there. */
export function alternatives(schema: z.core.$ZodType): readonly z.core.$ZodType[] {
  const def = definition(schema);
  if (def.type === "union") return (def.options ?? []).flatMap(alternatives);
  if (def.type === "lazy" && def.getter !== undefined) return alternatives(def.getter());
  const inner = def.innerType ?? def.in;
  return inner === undefined ? [schema] : alternatives(inner);
}

function below(schema: z.core.$ZodType, key: string | number): readonly z.core.$ZodType[] {
  return alternatives(schema).flatMap((one) => {
    const def = definition(one);
    const next = def.shape?.[String(key)] ?? def.valueType ?? def.element;
    return next === undefined ? [] : [next];
  });
}

export function schemasAt(schema: z.core.$ZodType, path: SourcePath): readonly z.core.$ZodType[] {
  let found: readonly z.core.$ZodType[] = [schema];
  for (const key of path) found = found.flatMap((one) => below(one, key));
  return found;
}

/** The keys that the maps at a path may hold. Empty where any key is taken. */
export function keysAt(schema: z.core.$ZodType, path: SourcePath): readonly string[] {
  const maps = schemasAt(schema, path).flatMap(alternatives);
  return [...new Set(maps.flatMap((one) => Object.keys(definition(one).shape ?? {})))];
}

/** The maps that may stand at a path, each by the keys that tell it from others with what they must hold. */
export interface Form {
  readonly keys: readonly string[];
  /** Such as `transport: tcp`. */
  readonly told: ReadonlyMap<string, unknown>;
}

/** The forms that the map at a path may have: several where a key such as `transport` chooses among them. */
export function formsAt(schema: z.core.$ZodType, path: SourcePath): readonly Form[] {
  return schemasAt(schema, path)
    .flatMap(alternatives)
    .map((one) => {
      const shape = definition(one).shape ?? {};
      const told = Object.entries(shape).flatMap(([key, field]) => {
        const { type, values } = definition(field);
        return type === "literal" ? [[key, values?.[0]] as const] : [];
      });
      return { keys: Object.keys(shape), told: new Map(told) };
    });
}

export type ValueKind = "string" | "number" | "boolean" | "map" | "list" | "other";

function kindOf(schema: z.core.$ZodType): readonly ValueKind[] {
  const { type, entries, values } = definition(schema);
  switch (type) {
    case "string":
    case "template_literal":
      return ["string"];
    case "number":
    case "int":
      return ["number"];
    case "boolean":
      return ["boolean"];
    case "object":
    case "record":
      return ["map"];
    case "array":
    case "tuple":
      return ["list"];
    case "enum":
    case "literal":
      return (values ?? Object.values(entries ?? {})).map((value) =>
        typeof value === "number" ? "number" : typeof value === "boolean" ? "boolean" : "string",
      );
    default:
      return ["other"];
  }
}

/** What kinds of value may stand at a path. Empty where the path is unknown. */
export function kindsAt(schema: z.core.$ZodType, path: SourcePath): ReadonlySet<ValueKind> {
  return new Set(schemasAt(schema, path).flatMap(alternatives).flatMap(kindOf));
}

function isBound(value: number | null | undefined): boolean {
  return Number.isFinite(value) && Math.abs(value ?? 0) < Number.MAX_SAFE_INTEGER;
}

/** The bounds of the number at a path, in words; undefined where there is at most a type. */
export function boundsAt(schema: z.core.$ZodType, path: SourcePath): string | undefined {
  for (const one of schemasAt(schema, path).flatMap(alternatives)) {
    const { minValue, maxValue } = one as Partial<Pick<z.ZodNumber, "minValue" | "maxValue">>;
    if (isBound(minValue) && isBound(maxValue)) return `${minValue} to ${maxValue}`;
  }
  return undefined;
}

/** What the value at a path is called, where its schema carries a title, such as `byte order`. */
export function titleAt(
  schema: z.core.$ZodType,
  path: SourcePath,
  titleOf: (schema: z.core.$ZodType) => string | undefined,
): string | undefined {
  for (const one of schemasAt(schema, path)) {
    const title = [one, ...alternatives(one)].map(titleOf).find((text) => text !== undefined);
    if (title !== undefined) return title;
  }
  return undefined;
}

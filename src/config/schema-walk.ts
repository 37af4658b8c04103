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

/** False where what the file says in the keys that choose among forms, such as `transport`, chooses another one. */
function isChosen(schema: z.core.$ZodType, value: unknown): boolean {
  if (typeof value !== "object" || value === null) return true;
  const said = value as Readonly<Record<string, unknown>>;
  return Object.entries(definition(schema).shape ?? {}).every(([key, field]) => {
    const { type, values } = definition(field);
    return type !== "literal" || said[key] === undefined || values?.includes(said[key]) === true;
  });
}

function below(schema: z.core.$ZodType, key: string | number, value: unknown): readonly z.core.$ZodType[] {
  const forms = alternatives(schema);
  const chosen = forms.filter((one) => isChosen(one, value));
  return (chosen.length > 0 ? chosen : forms).flatMap((one) => {
    const def = definition(one);
    const next = def.shape?.[String(key)] ?? def.valueType ?? def.element;
    return next === undefined ? [] : [next];
  });
}

/** What may stand at a path; with the file's content, of the forms that it chooses. */
export function schemasAt(
  schema: z.core.$ZodType,
  path: SourcePath,
  input?: unknown,
): readonly z.core.$ZodType[] {
  let found: readonly z.core.$ZodType[] = [schema];
  let value = input;
  for (const key of path) {
    found = found.flatMap((one) => below(one, key, value));
    value =
      typeof value === "object" && value !== null
        ? (value as Readonly<Record<string, unknown>>)[key]
        : undefined;
  }
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
export function boundsAt(schema: z.core.$ZodType, path: SourcePath, input: unknown): string | undefined {
  for (const one of schemasAt(schema, path, input).flatMap(alternatives)) {
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

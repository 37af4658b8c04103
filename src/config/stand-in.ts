import * as z from "zod";
import { alternatives, definition, schemasAt } from "./schema-walk.ts";
import type { SourcePath } from "./source.ts";

/** Texts of the forms that mapping files know; the schema tells which one it takes. */
const texts = ["x", "1s", "1KB", "127.0.0.1:0", "env:X"];
const numbers = [0, 1];

/**
 * Some value that may stand at a path, for a value that is missing or wrong: so that what does not hang on it can be
 * checked. Of a choice between forms it is the first. Undefined where none is found.
 */
export function standInAt(schema: z.core.$ZodType, path: SourcePath): unknown {
  for (const one of schemasAt(schema, path)) {
    const found = standIn(one);
    if (found !== undefined) return found;
  }
  return undefined;
}

function standIn(schema: z.core.$ZodType): unknown {
  const candidates = [schema, ...alternatives(schema)].flatMap(candidatesOf);
  return candidates.find((value) => z.safeParse(schema, value).success);
}

function candidatesOf(schema: z.core.$ZodType): readonly unknown[] {
  const { type, values, entries, element, shape } = definition(schema);
  const examples = z.globalRegistry.get(schema)?.["examples"];
  const given: readonly unknown[] = Array.isArray(examples) ? examples : [];
  switch (type) {
    case "string":
      return [...given, ...texts];
    case "number":
    case "int":
      return [...given, ...numbers, (schema as Partial<z.ZodNumber>).minValue];
    case "boolean":
      return [false];
    case "literal":
    case "enum":
      return values ?? Object.values(entries ?? {});
    case "array":
      return [[], ...(element === undefined ? [] : [[standIn(element)]])];
    case "record":
      return [{}];
    case "object":
      return [mapOf(shape ?? {})];
    default:
      return given;
  }
}

/** A map of the keys that must be there. */
function mapOf(shape: Readonly<Record<string, z.core.$ZodType>>): Record<string, unknown> {
  const needed = Object.entries(shape).filter(([, schema]) => schema._zod.optin !== "optional");
  return Object.fromEntries(needed.map(([key, schema]) => [key, standIn(schema)]));
}

import type { Permissive, TagMapping, ValueSpec, WriteRule } from "../adapter-kit/mapping.ts";
import type { AdapterSchema } from "../adapter-kit/schema.ts";
import { nearestName } from "../domain/nearest.ts";
import type { Mistakes, Problem } from "./mistakes.ts";
import type { ReadDevice } from "./read-device.ts";
import { keyPlace, sourceAt, valuePlace, type SourcePath } from "./source.ts";
import type { TagFinding } from "./tag-rules.ts";
import type { WriteEntry } from "./write-schema.ts";

/** The `write` entry of a mapping, as the guard takes it. */
export function toWriteRule(
  write: WriteEntry & Readonly<Record<string, unknown>>,
  adapter: AdapterSchema,
  answers: boolean,
): WriteRule {
  const { min, max, maxStep, rate, requires, tolerance, onFailure, heartbeat, confirm } = write;
  const own = Object.keys(adapter.write.shape).filter((key) => write[key] !== undefined);
  const given = { min, max, maxStep, rate, requires, tolerance, onFailure, heartbeat };
  return {
    ...(Object.fromEntries(
      Object.entries(given).filter(([, value]) => value !== undefined),
    ) as Partial<WriteRule>),
    ...(confirm === true ? { confirm } : {}),
    options: Object.fromEntries(own.map((key) => [key, write[key]])),
    ...(answers ? { answers: true } : {}),
  };
}

/** The rules of a `write` entry that hang on the tag's type. `answers`: reading the tag calls for an answer of its own. */
export function checkWriteEntry(
  write: WriteEntry,
  value: ValueSpec,
  answers: boolean,
): readonly TagFinding[] {
  const findings: TagFinding[] = [];
  if (answers && write.onFailure === "retry-once") {
    const problem = { message: "a method is not called a second time", allowed: "alert or none" };
    findings.push({ path: ["write", "onFailure"], at: "value", problem });
  }
  const { heartbeat } = write;
  const wrong = heartbeat === undefined ? undefined : failSafeProblem(heartbeat.failSafe, write, value);
  if (wrong !== undefined)
    findings.push({ path: ["write", "heartbeat", "failSafe"], at: "value", problem: wrong });
  for (const [index, permissive] of (write.requires ?? []).entries()) {
    const path = ["write", "requires", index];
    const problem = demandProblem(permissive);
    if (problem !== undefined) findings.push({ path, at: "value", problem });
  }
  return findings;
}

function failSafeProblem(
  failSafe: boolean | number | string,
  { min, max }: WriteEntry,
  value: ValueSpec,
): Problem | undefined {
  const wanted = jsonType(value);
  if (wanted === undefined) return undefined;
  if (typeof failSafe !== wanted) {
    return {
      message: `failSafe ${JSON.stringify(failSafe)} is not of the tag's type`,
      allowed: `a ${wanted}`,
    };
  }
  if (typeof failSafe !== "number") return undefined;
  const low = min ?? -Infinity;
  const high = max ?? Infinity;
  if (failSafe >= low && failSafe <= high) return undefined;
  return { message: `failSafe ${failSafe} is outside what may be written`, allowed: rangeWords(min, max) };
}

function rangeWords(min: number | undefined, max: number | undefined): string {
  if (min === undefined) return `at most ${max}`;
  return max === undefined ? `at least ${min}` : `${min} to ${max}`;
}

/** What a value of the tag is in JSON; undefined where it may be anything. */
function jsonType({ kind }: ValueSpec): "boolean" | "number" | "string" | undefined {
  switch (kind) {
    case "boolean":
    case "string":
      return kind;
    case "integer":
    case "float":
      return "number";
    case "json":
      return undefined;
  }
}

function demandProblem({ equals, min, max }: WriteEntryPermissive): Problem | undefined {
  const allowed = "equals, or min, max or both";
  const ranged = min !== undefined || max !== undefined;
  if (equals === undefined && !ranged) return { message: "it is not said what the tag must be", allowed };
  if (equals !== undefined && ranged) return { message: "equals stands beside min or max", allowed };
  if (min === undefined || max === undefined || min <= max) return undefined;
  return { message: `min ${min} is above max ${max}`, allowed: `a min of at most ${max}` };
}

type WriteEntryPermissive = NonNullable<WriteEntry["requires"]>[number];

/** Permissive tags are there, and may be what is asked of them. Called where every device of the site could be read. */
export function checkPermissives(devices: readonly ReadDevice[], mistakes: Mistakes): void {
  const tags = new Map(
    devices.flatMap(({ mapping }) =>
      mapping.tags.map((tag) => [`${mapping.device}/${tag.name}`, tag] as const),
    ),
  );
  for (const { mapping, source } of devices) {
    for (const tag of mapping.tags) {
      for (const [index, permissive] of (tag.write?.requires ?? []).entries()) {
        const path: SourcePath = ["tags", tag.name, "write", "requires", index];
        const named = sourceAt(source, ...path, "tag");
        // What is missing or wrong there is told by the schema.
        if (named?.kind !== "scalar" || named.value !== permissive.tag) continue;
        checkPermissive(permissive, tags, (key, problem) => {
          const where = [...path, key];
          mistakes.add(key === "tag" ? valuePlace(source, where) : keyPlace(source, where), where, problem);
        });
      }
    }
  }
}

function checkPermissive(
  permissive: Permissive,
  tags: ReadonlyMap<string, TagMapping>,
  add: (key: "tag" | "equals" | "min" | "max", problem: Problem) => void,
): void {
  const found = tags.get(permissive.tag) ?? ofTemplate(permissive.tag, tags);
  if (found === undefined) {
    add("tag", {
      message: `there is no tag ${JSON.stringify(permissive.tag)} in this site`,
      allowed: "a tag of the site with its device, such as press-1/guard/closed",
      meant: nearestName(permissive.tag, tags.keys()),
    });
    return;
  }
  const type = jsonType(found.value);
  const { equals } = permissive;
  if (type !== undefined && equals !== undefined && typeof equals !== type) {
    add("equals", { message: `${permissive.tag} is never ${JSON.stringify(equals)}`, allowed: `a ${type}` });
  }
  for (const key of ["min", "max"] as const) {
    if (permissive[key] === undefined || type === undefined || type === "number") continue;
    add(key, {
      message: `${key} has no meaning for ${permissive.tag}, which is a ${type}`,
      allowed: "equals",
    });
  }
}

/** The tags that a wildcard makes are known by their pattern only. */
function ofTemplate(name: string, tags: ReadonlyMap<string, TagMapping>): TagMapping | undefined {
  for (const [pattern, tag] of tags) {
    if (!pattern.includes("{")) continue;
    // Beside its wildcards a name holds nothing that a regular expression would take for more than itself.
    if (new RegExp(`^${pattern.replaceAll(/\{\d+\}/g, "[^/]+")}$`).test(name)) return tag;
  }
  return undefined;
}

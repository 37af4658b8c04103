import type { ValueSpec } from "../adapter-kit/mapping.ts";
import type { TagFinding } from "./tag-rules.ts";
import type { SourcePath } from "./source.ts";
import { vibrationFigures, type ActiveRule } from "./upload.ts";
import type { UploadEntry } from "./upload-schema.ts";

type UploadMap = Exclude<UploadEntry, string>;
type UploadKey = keyof UploadMap;

const ways = ["every", "onChange", "swingingDoor", "as"] as const;

/** Which keys have a meaning beside which way. */
const besides: readonly (readonly [UploadKey, readonly UploadKey[]])[] = [
  ["values", ["every"]],
  ["rollover", ["every"]],
  ["vibration", ["every"]],
  ["lateness", ["every", "swingingDoor"]],
  ["atLeastEvery", ["onChange", "swingingDoor"]],
];

/** What is wrong with an `upload` entry. Without a type, because it is not known, nothing is said about that. */
export function checkUploadEntry(
  entry: UploadEntry,
  value: ValueSpec | undefined,
  under: SourcePath,
): readonly TagFinding[] {
  if (typeof entry === "string") return [];
  const given = ways.filter((key) => entry[key] !== undefined);
  const [way, second] = given;
  if (way === undefined || second !== undefined) {
    const message =
      way === undefined ? "it is not said what is uploaded" : `${given.join(" and ")} stand together`;
    return [at(under, "value", message, `one of ${ways.join(", ")}`)];
  }
  const misplaced = besides
    .filter(([key, allowed]) => entry[key] !== undefined && !allowed.includes(way))
    .map(([key, allowed]) =>
      at(
        [...under, key],
        "key",
        `${key} has no meaning with ${way}`,
        `${key} beside ${allowed.join(" or ")}`,
      ),
    );
  return [
    ...misplaced,
    ...checkFigures(entry, under),
    ...checkBands(entry, under),
    ...checkType(entry, value, under),
  ];
}

/** True where a rule that a pattern brings has a meaning for tags of this type; of types that are not named it has. */
export function suits(rule: ActiveRule, value: ValueSpec): boolean {
  const numeric = value.kind === "integer" || value.kind === "float" || value.kind === "boolean";
  switch (rule.kind) {
    case "raw":
    case "event":
      return true;
    case "onChange":
      return rule.deadband === 0 || numeric || value.kind === "json";
    case "swingingDoor":
      return numeric || value.kind === "json";
    case "window":
      if (rule.vibration !== undefined) return value.kind === "json";
      return numeric || value.kind === "json" || rule.values.every((name) => !needsNumbers(name));
  }
}

function at(path: SourcePath, place: "key" | "value", message: string, allowed: string): TagFinding {
  return { path, at: place, problem: { message, allowed } };
}

function needsNumbers(name: string): boolean {
  return !["first", "last", "count"].includes(name);
}

function isVibration(name: string): boolean {
  return (vibrationFigures as readonly string[]).includes(name);
}

function checkFigures({ values, vibration, rollover }: UploadMap, under: SourcePath): readonly TagFinding[] {
  const findings: TagFinding[] = [];
  for (const [index, name] of (values ?? []).entries()) {
    const path = [...under, "values", index];
    if (values?.indexOf(name) !== index)
      findings.push(at(path, "value", `${name} stands twice`, "each value once"));
    else if (vibration === undefined && isVibration(name))
      findings.push(at(path, "value", `${name} is reckoned from arrays of samples`, "it beside vibration"));
    else if (vibration !== undefined && !isVibration(name) && name !== "count")
      findings.push(
        at(path, "value", `arrays of samples have no ${name}`, `${vibrationFigures.join(", ")}, count`),
      );
  }
  if (rollover !== undefined && values?.includes("increase") !== true)
    findings.push(
      at([...under, "rollover"], "key", "rollover has no meaning without increase", "increase among values"),
    );
  return findings;
}

function checkBands({ vibration }: UploadMap, under: SourcePath): readonly TagFinding[] {
  const half = (vibration?.sampleRate ?? 0) / 2;
  return (vibration?.bands ?? []).flatMap(([from, to], index) => {
    const path = [...under, "vibration", "bands", index];
    if (from >= to)
      return [at(path, "value", `the band ends at ${to}, before it begins`, "the lower frequency first")];
    return to > half
      ? [at(path, "value", `the band ends above half the sample rate`, `at most ${half} Hz`)]
      : [];
  });
}

function checkType(entry: UploadMap, value: ValueSpec | undefined, under: SourcePath): readonly TagFinding[] {
  if (value === undefined || value.kind === "json") return [];
  if (entry.vibration !== undefined)
    return [
      at(
        [...under, "vibration"],
        "key",
        "the tag's values are no arrays",
        "vibration on arrays of samples only",
      ),
    ];
  if (value.kind !== "string") return [];
  const allowed = "first, last and count of a window, onChange: 0, raw or event";
  const message = (what: string) => `${what} has no meaning for a string`;
  if (entry.swingingDoor !== undefined)
    return [at([...under, "swingingDoor"], "key", message("swingingDoor"), allowed)];
  if ((entry.onChange ?? 0) > 0) return [at([...under, "onChange"], "value", message("a deadband"), allowed)];
  if (entry.every === undefined) return [];
  if (entry.values === undefined)
    return [at([...under, "every"], "key", message("the mean of a window"), allowed)];
  return entry.values.flatMap((name, index) =>
    needsNumbers(name) && !isVibration(name)
      ? [at([...under, "values", index], "value", message(name), allowed)]
      : [],
  );
}

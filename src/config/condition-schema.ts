import * as z from "zod";
import type { Duration } from "../domain/duration.ts";
import type { LineEvent } from "../services/scheduling/state.ts";
import type { Comparable } from "./line.ts";
import { comparableField, segmentField, tagField } from "./site-fields.ts";
import { waitField } from "./wait-field.ts";

/** Conditions that look at one tag. */
const ofTag = [
  "above",
  "below",
  "outside",
  "is",
  "isNot",
  "changes",
  "rate",
  "deviates",
  "stale",
  "quality",
] as const;
/** Every kind of condition: one of them stands in each. */
const kinds = [...ofTag, "offline", "count", "all", "any", "not"] as const;
type Kind = (typeof kinds)[number];

const banded: readonly Kind[] = ["above", "below", "outside", "rate", "deviates"];

const lineEvents = [
  "complete",
  "prepare",
  "confirmed",
  "late",
  "missed",
  "blocked",
] as const satisfies readonly LineEvent[];

/** A condition as it is written, durations read. */
export interface ConditionEntry {
  readonly tag?: string | undefined;
  readonly above?: number | undefined;
  readonly below?: number | undefined;
  readonly outside?: readonly number[] | undefined;
  readonly deadband?: number | undefined;
  readonly is?: Comparable | undefined;
  readonly isNot?: Comparable | undefined;
  readonly changes?: true | undefined;
  readonly holdFor?: Duration | undefined;
  readonly rate?:
    | { readonly above: number; readonly over: Duration; readonly direction: "up" | "down" | "either" }
    | undefined;
  readonly deviates?: { readonly from: string; readonly by: number } | undefined;
  readonly stale?: Duration | undefined;
  readonly quality?: "bad" | "uncertain" | undefined;
  readonly offline?: string | undefined;
  readonly count?: CountEntry | undefined;
  readonly all?: readonly ConditionEntry[] | undefined;
  readonly any?: readonly ConditionEntry[] | undefined;
  readonly not?: ConditionEntry | undefined;
}

export interface CountEntry {
  readonly tag?: string | undefined;
  readonly edge?: "rise" | "fall" | "change" | undefined;
  readonly station?: string | undefined;
  readonly event?: LineEvent | undefined;
  readonly atLeast: number;
  readonly within: Duration;
}

const countField = z
  .strictObject({
    tag: tagField.optional().describe("The tag whose edges are counted"),
    edge: z
      .enum(["rise", "fall", "change"])
      .optional()
      .describe("With tag: a bool becomes true, or false; or any tag changes"),
    station: segmentField.optional().describe("The station of line.yaml whose events are counted"),
    event: z.enum(lineEvents).optional().describe("With station: which of its events"),
    atLeast: z.int().min(1).describe("Holds from so many"),
    within: waitField.describe("In this time"),
  })
  .superRefine(({ tag, edge, station, event }, context) => {
    const given = Object.entries({ tag, edge, station, event }).flatMap(([key, value]) =>
      value === undefined ? [] : [key],
    );
    if (["tag,edge", "station,event"].includes(given.join())) return;
    context.addIssue({
      code: "custom",
      message:
        given.length === 0
          ? "does not say what is counted"
          : `${given.join(" and ")} do not say what is counted`,
      params: { allowed: "tag and edge, or station and event" },
    });
  });

const limitsField = z.array(z.number()).refine(({ length }) => length === 2, {
  error: "expected the low and the high limit, such as [20, 80]",
});

const conditionForm =
  "expected a condition, such as { tag: press-1/ram/pressure, above: 200 }; the name of an alert is none";

/** A condition within another, or one that stands alone. */
export const conditionField: z.ZodType<ConditionEntry> = z
  .lazy(() => conditionSchema)
  .meta({ examples: [{ tag: "press-1/ram/pressure", above: 200, deadband: 5 }] });

/** One condition: exactly one of its kinds. */
export const conditionSchema = z
  .strictObject(
    {
      tag: tagField.optional().describe("The tag that the condition looks at"),
      above: z.number().optional().describe("Holds while the tag is above this, in its unit"),
      below: z.number().optional().describe("Holds while the tag is below this, in its unit"),
      outside: limitsField.optional().describe("Holds while the tag is below the first or above the second"),
      deadband: z
        .number()
        .min(0)
        .optional()
        .describe(
          "With above, below, outside, rate or deviates: holds until the value is back by this much, in the tag's unit; 0 where it is absent",
        ),
      is: comparableField.optional().describe("Holds while the tag has this value"),
      isNot: comparableField.optional().describe("Holds while the tag has another value"),
      changes: z.literal(true).optional().describe("Holds for holdFor after each change of the tag"),
      holdFor: waitField.optional().describe("With changes; 1s where it is absent"),
      rate: z
        .strictObject({
          above: z.number().positive().describe("By more than this, in the tag's unit"),
          over: waitField.describe("Within this time"),
          direction: z.enum(["up", "down", "either"]).default("either").describe("Rising, falling, or both"),
        })
        .optional()
        .describe("Holds while the tag changes fast"),
      deviates: z
        .strictObject({
          from: tagField.describe("The other tag"),
          by: z.number().min(0).describe("By more than this, in the unit of both"),
        })
        .optional()
        .describe("Holds while the tag and another differ"),
      stale: waitField.optional().describe("Holds where the tag has had no good reading for this long"),
      quality: z
        .enum(["bad", "uncertain"])
        .optional()
        .describe("Holds while the tag's quality is bad; with uncertain, while it is not good"),
      offline: segmentField.optional().describe("Holds while this device is offline"),
      count: countField.optional().describe("Holds while something has happened often enough"),
      all: z.array(conditionField).min(1).optional().describe("Holds while all of these do"),
      any: z.array(conditionField).min(1).optional().describe("Holds while one of these does"),
      not: conditionField.optional().describe("Holds while this does not"),
    },
    { error: (issue) => (issue.code === "invalid_type" ? conditionForm : undefined) },
  )
  .superRefine(checkForm);

function checkForm(given: ConditionEntry, context: z.RefinementCtx): void {
  const found = kinds.filter((key) => given[key] !== undefined);
  const [kind] = found;
  if (kind === undefined || found.length > 1) {
    const alone = `one of ${kinds.join(", ")}`;
    context.addIssue({
      code: "custom",
      message: kind === undefined ? "says nothing that could hold" : `${found.join(" and ")} stand together`,
      params: { allowed: kind === undefined ? alone : `${alone}; several as all: [{…}, {…}], or any` },
    });
    return;
  }
  const add = (key: string, message: string, allowed: string) =>
    context.addIssue({ code: "custom", path: [key], message, params: { allowed } });
  const looks = ofTag.some((one) => one === kind);
  if (looks && given.tag === undefined)
    add("tag", "is missing", "a device and its tag, such as press-1/cycle/done");
  const senseless: readonly (readonly ["tag" | "deadband" | "holdFor", boolean, string])[] = [
    ["tag", looks, ofTag.join(", ")],
    ["deadband", banded.includes(kind), banded.join(", ")],
    ["holdFor", kind === "changes", "changes"],
  ];
  for (const [key, sense, wherever] of senseless) {
    if (!sense && given[key] !== undefined)
      add(key, `${key} has no meaning with ${kind}`, `${key} with ${wherever} only`);
  }
}

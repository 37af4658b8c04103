import * as z from "zod";
import { waitField } from "./wait-field.ts";

const scalarField = z.union([z.boolean(), z.number(), z.string()], {
  error: "expected true, false, a number or a text",
});

const permissiveField = z.strictObject({
  tag: z
    .string()
    .describe("A tag of this site, such as press-1/guard/closed")
    .meta({ examples: ["press-1/guard/closed"] }),
  equals: scalarField.optional().describe("The value that the tag must have"),
  min: z.number().optional().describe("The least value that the tag must have, in its unit"),
  max: z.number().optional().describe("The greatest value that the tag may have, in its unit"),
});

/** The keys of every tag's `write` entry, whatever the protocol. */
export const commonWrite = {
  min: z.number().optional().describe("The least value that may be written, in the tag's unit"),
  max: z.number().optional().describe("The greatest value that may be written, in the tag's unit"),
  maxStep: z
    .number()
    .positive()
    .optional()
    .describe("The most that one write may change the value by, in the tag's unit"),
  rate: z
    .strictObject({
      max: z.number().positive().describe("The most that the value may change by, in the tag's unit"),
      per: waitField.describe("In this time"),
    })
    .optional()
    .describe("How fast writes may change the value, such as { max: 100, per: 1s }"),
  requires: z
    .array(permissiveField)
    .min(1)
    .optional()
    .describe(
      "What other tags must say, by their last reading, of good quality and not stale, before a write goes out",
    ),
  tolerance: z
    .number()
    .min(0)
    .optional()
    .describe("How far what is read back may lie from what was written, in the tag's unit"),
  onFailure: z
    .enum(["retry-once", "alert", "none"])
    .optional()
    .describe(
      "When what is read back is not what was written: write once more and then tell, tell by the event `write-unconfirmed` (where it is absent), or only answer so",
    ),
  heartbeat: z
    .strictObject({
      within: waitField.describe("A writer writes again within this time"),
      failSafe: scalarField.describe("What the gateway writes when it does not"),
    })
    .optional()
    .describe("The value is only good while its writer lives, such as { within: 5s, failSafe: 0 }"),
  confirm: z
    .boolean()
    .optional()
    .describe(
      "A write that a person asks for needs a second request with the token that the first one is answered with",
    ),
};

const writeOutput = z.object(commonWrite);

/** What a `write` entry's common keys say. */
export type WriteEntry = z.output<typeof writeOutput>;

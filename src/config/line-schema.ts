import * as z from "zod";
import { comparableField, oneOf, publishField, segmentField, tagField } from "./site-fields.ts";
import { waitField } from "./wait-field.ts";

const completeField = oneOf(
  z.strictObject({
    tag: tagField,
    edge: z.enum(["rise", "fall"]).optional().describe("The bool tag becomes true, or false"),
    counter: z.enum(["up"]).optional().describe("The tag counts finished parts"),
    equals: comparableField.optional().describe("The tag becomes this value"),
    reaches: z.number().optional().describe("The tag comes to this value from below"),
    rearm: z
      .number()
      .optional()
      .describe(
        "With reaches: the tag must fall below this before it counts again; the same value where it is absent",
      ),
    rollover: z
      .int()
      .min(2)
      .optional()
      .describe(
        "With counter: the value at which it begins at 0 again, such as 65536; where it is absent, by the tag's type",
      ),
    most: z
      .int()
      .min(1)
      .optional()
      .describe("With counter: a step larger than this is not taken for parts; 100 where it is absent"),
  }),
  ["edge", "counter", "equals", "reaches"],
).describe("How it is seen that the station has finished a part");

const conditionShape = {
  tag: tagField,
  is: comparableField.optional().describe("Holds while the tag has this value"),
  isNot: comparableField.optional().describe("Holds while the tag has another value"),
  above: z.number().optional().describe("Holds while the tag is above this"),
  below: z.number().optional().describe("Holds while the tag is below this"),
};

function someComparison(given: Readonly<Record<string, unknown>>): boolean {
  return ["is", "isNot", "above", "below"].some((key) => given[key] !== undefined);
}

const comparisonForm = {
  error: "compares the tag with nothing",
  params: { allowed: "at least one of is, isNot, above, below" },
};

const stationList = z.array(segmentField).min(1);

const afterField = z
  .union([
    segmentField,
    oneOf(
      z.strictObject({
        all: stationList.optional().describe("One part of each of these is needed"),
        any: stationList.optional().describe("One part of whichever comes first"),
        initial: z
          .record(segmentField, z.int().min(0))
          .default({})
          .describe(
            "Parts, or empty carriers, that stand before the station at the very first start, by station",
          ),
      }),
      ["all", "any"],
    ),
  ])
  .describe("The station, or stations, whose parts come here");

const publication = publishField("${part}, ${station}, ${cycle} and ${time}");

const prepareField = z
  .strictObject({
    repeat: z
      .enum(["safe", "ask"])
      .optional()
      .describe(
        "After a restart that leaves open whether it was sent: safe sends it again, ask raises `missed`. Where it is absent: ask with writes or publications, else safe",
      ),
    write: z.record(tagField, z.unknown()).default({}).describe("Values to write, by tag"),
    publish: z.array(publication).default([]).describe("Messages to publish, such as an order to a vehicle"),
  })
  .describe("What is sent when the station is to get ready for a part, beside the event `prepare`");

export const stationSchema = z.strictObject({
  description: z.string().optional().describe("What the station is, for people"),
  complete: completeField.optional(),
  part: tagField
    .optional()
    .describe(
      "The tag with the id of the part in the station; else ids follow the part, or are made: press-1, press-2",
    ),
  after: afterField.optional(),
  buffer: z
    .int()
    .min(1)
    .optional()
    .describe(
      "Places for parts before the station, for each station they come from; not watched where it is absent",
    ),
  ready: z
    .array(z.strictObject(conditionShape).refine(someComparison, comparisonForm))
    .default([])
    .describe("What must hold before the station is told to prepare"),
  prepare: prepareField.prefault({}),
  confirm: z
    .strictObject({ ...conditionShape, within: waitField.describe("From the prepare being sent") })
    .refine(someComparison, comparisonForm)
    .optional()
    .describe("What shows that the station has prepared, and until when"),
  within: waitField
    .optional()
    .describe(
      "The most that may pass from the source's read to the prepare being sent; a breach is told as `late`",
    ),
});

/** `line.yaml`, as it is written. */
export const lineSchema = z.strictObject({
  stations: z.record(segmentField, stationSchema).describe("The stations of the line, by name"),
});

export type LineEntry = z.output<typeof lineSchema>;
export type StationEntry = LineEntry["stations"][string];

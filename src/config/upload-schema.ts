import * as z from "zod";
import { byteSizeField, durationField } from "../adapter-kit/schema.ts";
import { isSegment, segmentForm } from "../domain/tag-path.ts";
import { isTopicFilter } from "../domain/topic-filter.ts";
import { vibrationFigures, windowFigures } from "./upload.ts";
import { waitField } from "./wait-field.ts";

const figures: readonly string[] = [...windowFigures, ...vibrationFigures];
const percentile = /^p(100|[1-9]?\d(\.\d+)?)$/;

const figureField = z
  .string()
  .refine(
    (name) => figures.includes(name) || percentile.test(name),
    `expected ${figures.join(", ")}, or a percentile such as p95`,
  )
  .meta({ examples: [...figures, "p95"] });

const vibrationField = z
  .strictObject({
    sampleRate: z.number().positive().describe("Samples a second in the tag's arrays"),
    bands: z
      .array(
        z.tuple([z.number().min(0), z.number().positive()], {
          error: "expected two frequencies, such as [10, 100]",
        }),
      )
      .max(32)
      .default([])
      .describe("Bands in Hz whose mean square is uploaded, such as [[10, 100], [100, 1000]]"),
  })
  .describe("The tag's values are arrays of samples");

/** The keys of an `upload` entry. */
export const uploadKeys = {
  every: waitField
    .refine((span) => span >= 100, "expected at least 100ms and at most 24d")
    .optional()
    .describe("Windows of this length, which begin at whole multiples of it since the Unix epoch"),
  values: z
    .array(figureField)
    .min(1)
    .optional()
    .describe(
      "With every: what is uploaded of a window, beside its coverage; mean, min, max and count where it is absent, with vibration rms, peak, crest, kurtosis and count",
    ),
  onChange: z
    .number()
    .min(0)
    .optional()
    .describe("Readings further than this from the last uploaded one, in the tag's unit; 0: every change"),
  swingingDoor: z
    .number()
    .positive()
    .optional()
    .describe("The readings needed for straight lines to pass all others within this, in the tag's unit"),
  as: z
    .enum(["raw", "event"])
    .optional()
    .describe(
      "raw: every reading; event: every change, sent at once. The same as `upload: raw`, with room for a stream",
    ),
  atLeastEvery: waitField
    .optional()
    .describe("With onChange or swingingDoor: a reading is uploaded after this long though nothing changed"),
  lateness: durationField
    .refine((span) => span <= 3_600_000, "expected at most 1h")
    .optional()
    .describe(
      "With every or swingingDoor: how far behind the newest reading of its tag one may be and still count; 2s where it is absent",
    ),
  rollover: z
    .number()
    .min(2)
    .optional()
    .describe(
      "With the value increase: the counter begins again at 0 where it would reach this, such as 65536",
    ),
  vibration: vibrationField.optional(),
  stream: z
    .string()
    .refine(isSegment, `expected ${segmentForm}`)
    .optional()
    .describe("The stream of batches; telemetry where it is absent, for events: events"),
};

/** `upload: raw`, `upload: { every: 10s }`. */
export const uploadField = z
  .union([z.enum(["raw", "event", "none"]), z.strictObject(uploadKeys)])
  .describe("What of the tag's readings is uploaded; nothing where neither this nor gateway.yaml says so");

export type UploadEntry = z.output<typeof uploadField>;

const patternField = z
  .string()
  .refine(isTopicFilter, "expected a pattern of device and tag, such as press-1/#, +/ram/pressure or #")
  .meta({ examples: ["press-1/#", "+/ram/pressure"] });

/** `upload:` of gateway.yaml. */
export const uploadsField = z
  .strictObject({
    tags: z
      .record(patternField, uploadField)
      .default({})
      .describe(
        "Rules by pattern: of those that match a tag the most exact one counts, its own mapping's before all",
      ),
    batch: z
      .strictObject({
        maxAge: waitField
          .refine((span) => span >= 100 && span <= 3_600_000, "expected at least 100ms and at most 1h")
          .prefault("30s")
          .describe(
            "A batch is closed after this time: so much of raw readings is lost at most when the power fails",
          ),
        maxBytes: byteSizeField
          .refine(
            (size) => size >= 1_000 && size <= 900_000,
            "expected 1KB to 900KB: a message of NATS holds 1MiB",
          )
          .prefault("256KB")
          .describe("About so large a batch gets, compressed"),
        maxReadings: z.int().min(1).max(200_000).default(50_000).describe("Readings and windows in a batch"),
      })
      .prefault({})
      .describe("When a batch is closed: by whichever comes first"),
  })
  .describe("What is uploaded of which tags, and in what batches");

import * as z from "zod";
import type { AdapterSchema } from "../adapter-kit/schema.ts";
import { ms, type Duration } from "../domain/duration.ts";
import { uploadField } from "./upload-schema.ts";
import { limitField, waitField } from "./wait-field.ts";
import { commonWrite, type WriteEntry } from "./write-schema.ts";

/** How often a reading within the deadband goes out all the same, where the mapping does not say. */
const defaultRepublish = ms(60_000);

/** The keys that every tag may have, whatever the protocol. */
const commonTag = {
  unit: z.string().optional().describe("The unit of the published value, such as bar"),
  description: z.string().optional().describe("What the tag is, for people"),
  scale: z
    .number()
    .refine((scale) => scale !== 0, "expected any number but 0")
    .optional()
    .describe("Published value = raw × scale + offset; 1 where it is absent"),
  offset: z.number().optional().describe("Published value = raw × scale + offset; 0 where it is absent"),
  deadband: z
    .number()
    .min(0)
    .optional()
    .describe("Publish only changes larger than this, in the tag's unit; 0 lets every change through"),
  deadbandPercent: z
    .number()
    .min(0)
    .max(100)
    .optional()
    .describe("Publish only changes larger than this share of the value last published, in percent"),
  republish: waitField
    .optional()
    .describe(
      "With a deadband: a reading goes out after this long though nothing changed; 60s where it is absent",
    ),
  stale: limitField
    .optional()
    .describe(
      "Without a sample for this long the tag goes bad; never: it does not. Where it is absent, the device's, else three poll intervals, at least 5s; for tags that are not polled the adapter's default",
    ),
  upload: uploadField.optional(),
};

const pollKey = {
  poll: z.string().optional().describe("The poll group: one of `poll:` of the device, or normal"),
};

/** The keys of one tag of one protocol. */
export function tagSchema(adapter: AdapterSchema) {
  return z.strictObject({
    ...adapter.tag.shape,
    ...commonTag,
    ...(adapter.polled ? pollKey : {}),
    write: z
      .strictObject({
        ...adapter.write.shape,
        ...commonWrite,
      })
      .optional()
      .describe("The tag may be written to, within these limits; `{}`: without limits"),
  });
}

const commonOutput = z.object({ ...commonTag, ...pollKey });

/** What a tag's common keys say; the adapter's own stand beside them. */
export type TagEntry = z.output<typeof commonOutput> & {
  readonly write?: (WriteEntry & Readonly<Record<string, unknown>>) | undefined;
} & Readonly<Record<string, unknown>>;

/** After how long a reading within the deadband is sent again. */
export function republishOf(tag: TagEntry): Duration {
  return tag.republish ?? defaultRepublish;
}

/** Three missed polls are a loss, and no tag goes stale within seconds for one slow round of its bus. */
export function defaultStale(interval: Duration | undefined): Duration | undefined {
  return interval === undefined ? undefined : ms(Math.max(5_000, 3 * interval));
}

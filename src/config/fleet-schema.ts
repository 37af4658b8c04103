import * as z from "zod";
import { byteSizeField, durationField } from "../adapter-kit/schema.ts";
import { isPath, segmentForm } from "../domain/tag-path.ts";
import { segmentField } from "./site-fields.ts";

/** Limits of one of the hub's streams. */
const hubStreamField = z.strictObject({
  maxBytes: byteSizeField
    .refine((size) => size >= 1_000_000, "expected at least 1MB")
    .optional()
    .describe(
      "The most that the stream keeps; the oldest messages give way. Without it: what the server's disk takes",
    ),
  maxAge: durationField
    .refine((span) => span >= 60_000, "expected at least 1m")
    .optional()
    .describe("Older messages are removed. Without it none are for their age"),
  duplicates: durationField
    .refine((span) => span >= 30_000, "expected at least 30s")
    .prefault("1h")
    .describe(
      "How long the ids of messages are remembered, some 260 bytes of memory each: what comes a second time is dropped",
    ),
});

/** The file of `linegate hub apply`. */
export const fleetSchema = z.strictObject({
  gateways: z
    .array(segmentField)
    .describe("The names of the gateways that are leafs, as `gateway:` in each one's gateway.yaml"),
  forwarders: z
    .array(
      z.strictObject({
        gateway: segmentField,
        site: z
          .string()
          .refine(isPath, `expected segments of ${segmentForm}, joined by /`)
          .describe("As `site:` in its gateway.yaml"),
        maxBytes: byteSizeField
          .refine((size) => size >= 1_000_000, "expected at least 1MB")
          .prefault("256MB")
          .describe("What each of its two streams at the hub may take"),
      }),
    )
    .default([])
    .describe("Gateways that forward as clients, where no leaf is allowed: hub.url in their gateway.yaml"),
  replicas: z
    .int()
    .min(1)
    .max(5)
    .default(1)
    .describe("On how many servers of the hub each message is kept: 3 for a cluster of three"),
  batches: hubStreamField.prefault({}).describe("The stream BATCHES"),
  events: hubStreamField.prefault({}).describe("The stream EVENTS"),
  push: z
    .strictObject({
      maxBytes: byteSizeField
        .refine((size) => size >= 1_000_000, "expected at least 1MB")
        .prefault("1GB")
        .describe("The most that everything put for gateways may take; beyond it nothing more can be put"),
    })
    .optional()
    .describe("The stream PUSH, in which mappings and files are put for gateways; without it there is none"),
});

/** The file of `linegate hub apply`, checked, defaults filled in. */
export type Fleet = z.output<typeof fleetSchema>;

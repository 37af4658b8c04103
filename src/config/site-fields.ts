import * as z from "zod";
import { isPath, isSegment, segmentForm } from "../domain/tag-path.ts";
import { isTopicName } from "../domain/topic-filter.ts";

/** Fields that the files beside gateway.yaml share: they name tags, compare them, and send messages. */
export const tagField = z
  .string()
  .refine(
    (text) => isPath(text) && text.includes("/"),
    "expected a device and its tag, such as press-1/cycle/done",
  )
  .meta({ examples: ["press-1/cycle/done"] });

export const segmentField = z.string().refine(isSegment, `expected ${segmentForm}`);

export const comparableField = z.union([z.boolean(), z.number(), z.string()]);

/** Exactly one of these keys. */
export function oneOf<T extends z.ZodObject>(schema: T, keys: readonly string[]): T {
  return schema.superRefine((given, context) => {
    const found = keys.filter((key) => given[key] !== undefined);
    if (found.length === 1) return;
    context.addIssue({
      code: "custom",
      message:
        found.length === 0 ? `has none of ${keys.join(", ")}` : `${found.join(" and ")} stand together`,
      params: { allowed: `one of ${keys.join(", ")}` },
    });
  });
}

const nameOnNats = /^[^\s.*>]+(\.[^\s.*>]+)*$/;

/** A message of the mapping's own. `filled` names what is filled in in its texts. */
export function publishField(filled: string) {
  return oneOf(
    z.strictObject({
      topic: z
        .string()
        .refine(isTopicName, "expected an MQTT topic without wildcards, such as agv/1/order")
        .optional()
        .describe("Where it is published on MQTT"),
      subject: z
        .string()
        .regex(nameOnNats, "expected a NATS subject without wildcards, such as agv.1.order")
        .optional()
        .describe("Where it is published on NATS"),
      payload: z
        .unknown()
        .refine((given) => given !== undefined, "expected a payload")
        .describe(`Sent as JSON; ${filled} in its texts are filled in`),
    }),
    ["topic", "subject"],
  );
}

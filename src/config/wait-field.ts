import * as z from "zod";
import { durationField } from "../adapter-kit/schema.ts";
import type { Duration } from "../domain/duration.ts";

/** Timers of the platform hold no more than 2³¹ ms. */
const longestMs = 24 * 86_400_000;

/** A span of time that a timer can wait: at least 1 ms, at most 24 days. */
export const waitField = durationField.refine((span) => span >= 1 && span <= longestMs, {
  error: "expected at least 1ms and at most 24d",
});

/** A limit in time, or none. */
export const limitField = z
  .string({ error: "expected a duration with its unit, such as 10s, or never" })
  .meta({ pattern: "^(never|\\d+(\\.\\d+)?(ms|s|m|h|d))$", examples: ["10s", "never"] })
  .transform((text, context): Duration | "never" => {
    if (text === "never") return "never";
    const span = waitField.safeParse(text);
    if (span.success) return span.data;
    const expected = span.error.issues[0]?.message ?? "expected a duration";
    context.issues.push({ code: "custom", input: text, message: `${expected}, or never` });
    return z.NEVER;
  });

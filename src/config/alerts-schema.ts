import * as z from "zod";
import { durationField, secretField } from "../adapter-kit/schema.ts";
import { priorities } from "./alerts.ts";
import { conditionField } from "./condition-schema.ts";
import { publishField, segmentField, tagField } from "./site-fields.ts";
import { limitField, waitField } from "./wait-field.ts";

const priorityField = z.enum(priorities);

/** As long as a timer can wait, or not at all. */
const delayField = durationField.refine((span) => span === 0 || waitField.safeParse(`${span}ms`).success, {
  error: "expected 0s, or at least 1ms and at most 24d",
});

const delays = {
  onDelay: delayField.describe("The condition must hold for this long before the alert is raised"),
  offDelay: delayField.describe(
    "The condition must be gone for this long before the alert returns to normal",
  ),
};
const acknowledgeField = z.boolean().describe("Whether somebody must acknowledge it");
const realarmField = limitField.describe(
  "Acknowledged and still raised after this time, it must be acknowledged again; or never",
);

const defaultsField = z
  .strictObject({
    priority: priorityField.default("medium").describe("How much it matters"),
    onDelay: delays.onDelay.prefault("0s"),
    offDelay: delays.offDelay.prefault("0s"),
    acknowledge: acknowledgeField.default(true),
    realarm: realarmField.prefault("never"),
  })
  .prefault({})
  .describe("What holds for every alert that does not say it itself");

/** Of a header with such a name the value is a secret. */
const secretHeader = /authorization|cookie|token|secret|password|api-?key/i;
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** True for a header's value that stands in the environment or in a file. */
export function isSecretPlace(value: string): boolean {
  return secretField.safeParse(value).success;
}

/** RFC 9110 §5.5: visible characters, with spaces and tabs between. */
const fieldValue = /^[\t\x20-\x7e\x80-\xff]*$/;

/** What is wrong with a header. A value may be a secret: no message repeats it. */
function headerMistake(name: string, value: string): { message: string; allowed: string } | undefined {
  if (isSecretPlace(value)) return undefined;
  if (secretHeader.test(name) || /^(env|file):/.test(value)) {
    return {
      message: "this is a secret, and stands in the file",
      allowed: "env:NAME or file:PATH with the whole value, such as env:WEBHOOK_AUTHORIZATION",
    };
  }
  return fieldValue.test(value)
    ? undefined
    : {
        message: "this is no value of an HTTP header",
        allowed: "one line of Latin-1 text, or env:NAME or file:PATH",
      };
}

const headersField = z
  .record(z.string().regex(token, "expected the name of an HTTP header, such as Authorization"), z.string())
  .superRefine((headers, context) => {
    for (const [name, value] of Object.entries(headers)) {
      const { message, ...params } = headerMistake(name, value) ?? {};
      if (message !== undefined) context.addIssue({ code: "custom", path: [name], message, params });
    }
  });

/** The text may hold a password: no message repeats it. */
const urlField = z.string().superRefine((text, context) => {
  const url = URL.parse(text);
  const ofWeb = url !== null && ["http:", "https:"].includes(url.protocol);
  if (ofWeb && url.username === "" && url.password === "") return;
  context.addIssue({
    code: "custom",
    message: ofWeb ? "the URL holds a user or a password" : "this is not the URL of a web server",
    params: {
      allowed: ofWeb
        ? "a URL without them; headers: { Authorization: env:NAME }"
        : "a URL that begins with http:// or https://",
    },
  });
});

export const webhookSchema = z.strictObject({
  url: urlField
    .meta({ examples: ["https://example.com/hook"] })
    .describe("Where the alert is posted as JSON, with http:// or https://"),
  headers: headersField
    .default({})
    .describe("HTTP headers by name; the value of a secret one is env:NAME or file:PATH"),
  timeout: waitField.prefault("5s").describe("How long one answer is waited for"),
  retryFor: delayField.prefault("10m").describe("Tried again with growing pauses for this long; 0s: never"),
});

const publication = publishField("${value}, ${tag}, ${alert} and ${time}");

export const actionsSchema = z.strictObject({
  write: z.record(tagField, z.unknown()).default({}).describe("Values to write, by tag"),
  publish: z.array(publication).default([]).describe("Messages to publish"),
  webhook: z.array(webhookSchema).prefault([]).describe("Web servers to tell"),
});

const actionsField = actionsSchema.prefault({});

export const alertSchema = z.strictObject({
  message: z
    .string()
    .min(1)
    .describe("What is wrong and what to do; ${value}, ${tag}, ${alert} and ${time} are filled in"),
  priority: priorityField.optional().describe("How much it matters"),
  when: conditionField.describe("What raises the alert"),
  onDelay: delays.onDelay.optional(),
  offDelay: delays.offDelay.optional(),
  latch: z.boolean().default(false).describe("Stays raised after its condition is gone until it is reset"),
  acknowledge: acknowledgeField.optional(),
  realarm: realarmField.optional(),
  group: segmentField
    .optional()
    .describe("Of the alerts of one group, the one that was raised first is marked as such"),
  suppressWhile: conditionField.optional().describe("While this holds the alert is suppressed by design"),
  onRaise: actionsField.describe("What is done when the alert is raised"),
  onAcknowledge: actionsField.describe("What is done when it is acknowledged"),
  onClear: actionsField.describe("What is done when it has returned to normal, or was reset"),
});

/** `alerts.yaml`, as it is written, with the alerts of its CSV file in place of the file's name. */
export const alertsSchema = z.strictObject({
  defaults: defaultsField,
  flood: z
    .strictObject({
      alerts: z.int().min(2).default(10).describe("A flood begins when so many alerts were raised"),
      within: waitField.prefault("10m").describe("In this time"),
    })
    .prefault({})
    .describe("When there are more alerts than one operator can follow (ISA-18.2 §16.5)"),
  chatter: z
    .strictObject({
      times: z.int().min(2).default(3).describe("An alert that is raised so often chatters"),
      within: waitField.prefault("1m").describe("In this time"),
    })
    .prefault({})
    .describe("When one alert comes and goes too often"),
  alerts: z
    .record(segmentField, alertSchema)
    .describe("The alerts by name; or the name of a CSV file, such as alerts.csv"),
});

export type AlertsEntry = z.output<typeof alertsSchema>;
export type AlertEntry = AlertsEntry["alerts"][string];
export type ActionsEntry = AlertEntry["onRaise"];

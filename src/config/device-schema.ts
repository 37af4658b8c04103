import * as z from "zod";
import type { AdapterSchema } from "../adapter-kit/schema.ts";
import { ms } from "../domain/duration.ts";
import { isSegment, segmentForm } from "../domain/tag-path.ts";
import { gatewayDevice } from "./gateway-tags.ts";
import { limitField, waitField } from "./wait-field.ts";

/** The poll group that is there without being declared. */
export const defaultGroup = { name: "normal", interval: ms(1_000) };

const deviceName = z
  .string()
  .refine(isSegment, `expected ${segmentForm}`)
  .refine((name) => name !== gatewayDevice, "expected another name: `gateway` is the gateway's own")
  .describe("The device's name: a level of its topics, unique in the site");

const commonDevice = {
  device: deviceName,
  adapter: z.string().describe("The protocol"),
  profile: z
    .string()
    .optional()
    .describe("A file with keys shared by devices of one type, such as ../profiles/meter.yaml; own keys win"),
  silence: limitField
    .optional()
    .describe(
      "Without any sample for this long the device counts as lost. Where it is absent, the adapter's default",
    ),
  stale: limitField.optional().describe("The stale limit of tags that have none of their own"),
};

const pollKey = {
  poll: z
    .record(z.string().refine(isSegment, `expected ${segmentForm}`), waitField)
    .optional()
    .describe("Poll groups and their intervals, such as { fast: 50ms, normal: 1s }"),
};

/** The keys of a device file of one protocol. Its tags are validated one by one, with `tagSchema`. */
export function deviceSchema(adapter: AdapterSchema) {
  return z.strictObject({
    ...adapter.options.shape,
    ...commonDevice,
    ...(adapter.polled ? pollKey : {}),
    connection: adapter.connection,
    tags: z.record(z.string(), z.unknown()).describe("The tags by name, or a CSV file, such as press-1.csv"),
  });
}

/** What can be checked of a device whose protocol is not known. */
export const anyDeviceSchema = z.looseObject({ ...commonDevice, ...pollKey });

const commonOutput = z.object({ ...commonDevice, ...pollKey });

/** What a device's common keys say; the adapter's own stand beside them. */
export type DeviceEntry = z.output<typeof commonOutput> & {
  readonly connection: unknown;
} & Readonly<Record<string, unknown>>;

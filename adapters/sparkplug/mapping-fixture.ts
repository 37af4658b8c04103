import type { z } from "zod";
import type { SparkplugDeviceMapping, SparkplugTagMapping } from "./mapping.ts";
import { sparkplugSchema } from "./schema.ts";

type TagEntry = z.input<typeof sparkplugSchema.tag> & { readonly write?: object };

/** A tag as its mapping would give it. */
function tagOf(name: string, { write, ...own }: TagEntry): SparkplugTagMapping {
  const options = sparkplugSchema.tag.parse(own) as unknown as SparkplugTagMapping["options"];
  return {
    name,
    options,
    value: sparkplugSchema.value(options, {}),
    scale: 1,
    offset: 0,
    ...(write === undefined ? {} : { write: { options: write } }),
  };
}

/** A device as its mapping would give it: `plant/edge-1/press`, impatient unless told otherwise. */
export function deviceOf(
  tags: Readonly<Record<string, TagEntry>>,
  connection: Readonly<Record<string, unknown>> = {},
): SparkplugDeviceMapping {
  return {
    device: "press-1",
    adapter: "sparkplug",
    connection: sparkplugSchema.connection.parse({
      group: "plant",
      node: "edge-1",
      device: "press",
      reorder: "200ms",
      rebirth: "1s",
      ...connection,
    }),
    options: {},
    tags: Object.entries(tags).map(([name, entry]) => tagOf(name, entry)),
  };
}

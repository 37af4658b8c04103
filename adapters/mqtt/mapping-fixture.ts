import type { z } from "zod";
import { ms } from "../../src/adapter-kit/index.ts";
import type { MqttDeviceMapping, MqttTagMapping } from "./mapping.ts";
import { mqttSchema } from "./schema.ts";

type TagEntry = z.input<typeof mqttSchema.tag> & { readonly write?: Readonly<Record<string, unknown>> };

/** A tag as its mapping would give it. */
function tagOf(name: string, entry: TagEntry): MqttTagMapping {
  const { write, ...own } = entry;
  const options = mqttSchema.tag.parse(own) as unknown as MqttTagMapping["options"];
  return {
    name,
    options,
    value: mqttSchema.value(options, {}),
    scale: 1,
    offset: 0,
    ...(write === undefined ? {} : { write: { options: mqttSchema.write.parse(write) } }),
  };
}

/** A device as its mapping would give it. */
export function deviceOf(
  tags: Readonly<Record<string, TagEntry>>,
  connection: Readonly<Record<string, unknown>> = {},
): MqttDeviceMapping {
  const checked = mqttSchema.connection.parse(connection);
  return {
    device: "agv-1",
    adapter: "mqtt",
    connection: checked,
    options: {},
    ...(checked.silence === undefined ? {} : { silence: ms(checked.silence) }),
    tags: Object.entries(tags).map(([name, entry]) => tagOf(name, entry)),
  };
}

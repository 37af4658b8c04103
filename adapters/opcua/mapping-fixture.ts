import type { z } from "zod";
import { ms, type PollGroup } from "../../src/adapter-kit/index.ts";
import { isMethod, modeOf, type OpcuaDevice, type OpcuaTag } from "./mapping.ts";
import { opcuaSchema } from "./schema.ts";

/** For tests: a tag's own keys in a mapping file, with a poll interval in ms where it is polled. */
export type TagEntry = z.input<typeof opcuaSchema.tag> & {
  readonly write?: object;
  readonly pollMs?: number;
};

function tagOf(name: string, entry: TagEntry, device: OpcuaDevice["options"]): OpcuaTag {
  const { write, pollMs = 100, ...own } = entry;
  const options = opcuaSchema.tag.parse(own) as unknown as OpcuaTag["options"];
  const polled = !isMethod(options) && modeOf(options, device) === "poll";
  const poll: PollGroup = { name: `${pollMs}ms`, interval: ms(pollMs) };
  return {
    name,
    options,
    value: opcuaSchema.value(options, device),
    scale: 1,
    offset: 0,
    ...(polled ? { poll } : {}),
    ...(write === undefined
      ? {}
      : { write: { options: {}, ...(isMethod(options) ? { answers: true } : {}) } }),
  };
}

/** For tests: a device as its mapping file's own keys make it. */
export function deviceOf(
  tags: Readonly<Record<string, TagEntry>>,
  keys: { readonly device?: string; readonly connection?: object; readonly options?: object } = {},
): OpcuaDevice {
  const security = { policy: "none" };
  const connection = opcuaSchema.connection.parse({
    endpoint: "opc.tcp://127.0.0.1:4840",
    security,
    ...keys.connection,
  });
  const options = opcuaSchema.options.parse({
    publishingInterval: "50ms",
    samplingInterval: "20ms",
    ...keys.options,
  }) as unknown as OpcuaDevice["options"];
  return {
    device: keys.device ?? "oven-1",
    adapter: "opcua",
    connection,
    options,
    tags: Object.entries(tags).map(([name, entry]) => tagOf(name, entry, options)),
  };
}

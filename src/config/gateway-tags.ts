import type { TagMapping } from "../adapter-kit/mapping.ts";

/** In place of a device's name: no device may have it. */
export const gatewayDevice = "gateway";

/** How the gateway itself stands, as tags of the site: conditions may name them as they name any other. */
export const gatewayTags = {
  "nats/connected": { kind: "boolean", description: "nats-server is there and stores" },
  "hub/connected": { kind: "boolean", description: "the hub is there; without `hub` there is no such tag" },
  "store/durable": { kind: "boolean", description: "the disk takes what is to survive a restart" },
  "store/intact": {
    kind: "boolean",
    description: "the last start found the durable state whole, and did not set a corrupt file aside",
  },
  "forward/messages": { kind: "integer", description: "messages that wait for NATS or for the hub" },
  "forward/bytes": { kind: "integer", unit: "B", description: "what they take" },
  "forward/age": { kind: "float", unit: "s", description: "age of the oldest of them; 0 where none waits" },
  "forward/fill": { kind: "float", unit: "%", description: "of the room for what waits, the worse stream" },
  "forward/left": {
    kind: "float",
    unit: "h",
    description: "hours until there is no room, at the present rate, while or if offline; at most 9999",
  },
  "forward/offline": { kind: "boolean", description: "NATS or the hub is away" },
  "forward/lost": { kind: "integer", description: "messages lost for want of room since the start" },
  "forward/thinned": { kind: "boolean", description: "windows are coarser for want of room" },
} as const satisfies Readonly<
  Record<string, { kind: "boolean" | "integer" | "float"; unit?: string; description: string }>
>;

export type GatewayTag = keyof typeof gatewayTags;

/** The tags by their names in the site, such as `gateway/forward/fill`. */
export function gatewayTagMappings(): readonly (readonly [string, TagMapping])[] {
  return Object.entries(gatewayTags).map(([name, tag]) => {
    const value =
      tag.kind === "integer"
        ? { kind: tag.kind, min: 0n, max: BigInt(Number.MAX_SAFE_INTEGER) }
        : { kind: tag.kind };
    const { description } = tag;
    const unit = "unit" in tag ? { unit: tag.unit } : {};
    return [
      `${gatewayDevice}/${name}`,
      { name, options: {}, value, scale: 1, offset: 0, ...unit, description },
    ];
  });
}

import type { TimestampUnit } from "../adapter-kit/source-timestamp.ts";
import type { TagMapping } from "../adapter-kit/mapping.ts";

/** What the adapters of devices that send by themselves say of a tag's messages. */
interface MessageOptions {
  readonly durable?: boolean | { readonly id?: string | undefined } | undefined;
  readonly timestamp?: { readonly pointer: string; readonly unit: TimestampUnit } | undefined;
}

/** Whether a tag's messages are stored before they are acknowledged, and known again when they come twice. */
export function durabilityOf({ options }: TagMapping): "none" | "anonymous" | "identified" {
  const { durable } = options as MessageOptions;
  if (durable === undefined || durable === false) return "none";
  return typeof durable === "object" && durable.id !== undefined ? "identified" : "anonymous";
}

/** Where in a tag's messages the source's own time stands; undefined where they have none. */
export function timestampOf({ options }: TagMapping): MessageOptions["timestamp"] {
  return (options as MessageOptions).timestamp;
}

import type { TagMapping } from "../adapter-kit/mapping.ts";

/** Whether a tag's messages are stored before they are acknowledged, and known again when they come twice. */
export function durabilityOf({ options }: TagMapping): "none" | "anonymous" | "identified" {
  const durable = (options as { readonly durable?: unknown } | null)?.durable;
  if (durable === undefined || durable === false) return "none";
  return typeof durable === "object" && durable !== null && "id" in durable && durable.id !== undefined
    ? "identified"
    : "anonymous";
}

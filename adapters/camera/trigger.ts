import type { AdapterContext, JsonValue, TagValue } from "../../src/adapter-kit/index.ts";
import type { SnapshotOptions } from "./mapping.ts";
import type { Trigger } from "./result.ts";

/**
 * Calls back when the trigger's tag rises or changes; returns the way to stop. The first good value after the start is what
 * was there already, and sets nothing off; a tag that went bad and came back is compared with what it said before.
 */
export function watchTrigger(
  context: Pick<AdapterContext, "watch">,
  { trigger: tag, on }: Pick<SnapshotOptions, "trigger" | "on">,
  onTrigger: (trigger: Trigger) => void,
): () => void {
  let before: TagValue | undefined;
  return context.watch(tag, ({ value, quality, timestamp }) => {
    if (quality !== "good" || value === null) return;
    const last = before;
    before = value;
    if (last === undefined) return;
    const rises = isOn(value) && !isOn(last);
    const fires = on === "rise" ? rises : JSON.stringify(plain(value)) !== JSON.stringify(plain(last));
    if (fires) onTrigger({ tag, value: plain(value), timestamp });
  });
}

function isOn(value: TagValue): boolean {
  return value !== false && value !== 0 && value !== 0n && value !== "";
}

function plain(value: TagValue): JsonValue {
  return typeof value === "bigint" ? value.toString() : value;
}

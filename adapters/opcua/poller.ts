import type { AdapterContext, PollGroup } from "../../src/adapter-kit/index.ts";
import type { OpcuaTag } from "./mapping.ts";

/** Reads tags now and hands on what came. */
type Read = (tags: readonly OpcuaTag[], signal: AbortSignal) => Promise<void>;

/** Polls each group on a grid of its own: slot n lies at base + n × interval, whatever became of slot n - 1. */
export async function poll(
  tags: readonly OpcuaTag[],
  read: Read,
  context: AdapterContext,
  signal: AbortSignal,
): Promise<never> {
  const groups = Map.groupBy(tags, ({ poll }) => poll?.name ?? "");
  await Promise.all([...groups.values()].map((members) => pollGroup(members, read, context, signal)));
  return new Promise<never>(() => undefined);
}

async function pollGroup(
  tags: readonly OpcuaTag[],
  read: Read,
  { clock, phase, metrics }: AdapterContext,
  signal: AbortSignal,
): Promise<void> {
  const group: PollGroup | undefined = tags[0]?.poll;
  if (group === undefined) return;
  let next = clock.monotonic() + phase * group.interval;
  for (;;) {
    await clock.sleep(next - clock.monotonic(), signal);
    await read(tags, signal);
    const late = Math.floor((clock.monotonic() - next) / group.interval);
    if (late > 0) metrics.fault("overrun");
    next += (Math.max(0, late) + 1) * group.interval;
  }
}

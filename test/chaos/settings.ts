import { faultKinds, type FaultKind } from "./plan.ts";

/** How the hub gets what is stored: its streams source those of a leaf node, or a client of its brings it there. */
export type Way = "leaf" | "forwarder";
export const ways: readonly Way[] = ["leaf", "forwarder"];

export interface Settings {
  readonly seed: number;
  readonly first: number;
  readonly rounds: number;
  readonly nodes: 1 | 3;
  readonly way: Way;
  readonly kinds: readonly FaultKind[];
  /** Rounds and figures are told as they come. */
  readonly report: boolean;
}

/** What `npm test` has time for: faults that heal within seconds. */
const short: Settings = {
  seed: 7,
  first: 1,
  rounds: 3,
  nodes: 1,
  way: "leaf",
  kinds: ["gateway killed", "nats-server killed", "link cut", "link slow", "disk full", "power cut"],
  report: false,
};

/** By LINEGATE_CHAOS, as test/chaos/main.ts sets it: JSON; without it the short run. */
export function settings({ LINEGATE_CHAOS: text }: NodeJS.ProcessEnv): Settings {
  if (text === undefined) return short;
  return { ...short, kinds: faultKinds, report: true, ...(JSON.parse(text) as Partial<Settings>) };
}

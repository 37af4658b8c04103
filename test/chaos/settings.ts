import { faultKinds, type FaultKind } from "./plan.ts";

export interface Settings {
  readonly seed: number;
  readonly first: number;
  readonly rounds: number;
  readonly nodes: 1 | 3;
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
  kinds: ["gateway killed", "nats-server killed", "link cut", "link slow", "disk full", "power cut"],
  report: false,
};

/** By LINEGATE_CHAOS, as test/chaos/main.ts sets it: JSON; without it the short run. */
export function settings({ LINEGATE_CHAOS: text }: NodeJS.ProcessEnv): Settings {
  if (text === undefined) return short;
  return { ...short, kinds: faultKinds, report: true, ...(JSON.parse(text) as Partial<Settings>) };
}

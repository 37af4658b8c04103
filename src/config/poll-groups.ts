import type { PollGroup } from "../adapter-kit/mapping.ts";
import type { Duration } from "../domain/duration.ts";
import { nearestName } from "../domain/nearest.ts";
import { defaultGroup } from "./device-schema.ts";
import type { Problem } from "./mistakes.ts";

/** The poll groups of one device: those it declares, and `normal`. */
export interface PollGroups {
  readonly byName: ReadonlyMap<string, PollGroup>;
  /** Of tags that name none: `normal` where it is declared, else the only one declared, else the `normal` of 1 s. */
  readonly usual: PollGroup;
}

/** The groups of a device's `poll:` entry. */
export function pollGroups(declared: Readonly<Record<string, Duration>> = {}): PollGroups {
  const own = Object.entries(declared).map(([name, interval]): PollGroup => ({ name, interval }));
  const only = own.length === 1 ? own[0] : undefined;
  const byName = new Map([defaultGroup, ...own].map((group) => [group.name, group]));
  const normal = byName.get(defaultGroup.name) ?? defaultGroup;
  return { byName, usual: own.includes(normal) ? normal : (only ?? normal) };
}

/** What is wrong where a tag names a group that is not there. */
export function unknownGroup(name: string, groups: PollGroups): Problem {
  const names = [...groups.byName.keys()];
  return {
    message: `there is no poll group ${JSON.stringify(name)}`,
    allowed: names.join(", "),
    meant: nearestName(name, names),
  };
}

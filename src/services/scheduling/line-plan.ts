import type { LineConfig, StationConfig } from "../../config/line.ts";
import { newWatch } from "./completion.ts";
import { newStation, type LineState, type StationState, type Token } from "./state.ts";

/** `line.yaml` with what the decisions look up. */
export interface LinePlan {
  readonly stations: ReadonlyMap<string, StationConfig>;
  /** The stations that take a station's parts. */
  readonly behind: ReadonlyMap<string, readonly StationConfig[]>;
  /** By the tag that tells their completion. */
  readonly completedBy: ReadonlyMap<string, readonly StationConfig[]>;
  /** Every tag that matters: those that conditions and part ids look at come first. */
  readonly tags: ReadonlySet<string>;
  /** The devices that a station's prepare writes to. */
  readonly writesTo: ReadonlyMap<string, readonly string[]>;
  /** All of them. */
  readonly devices: ReadonlySet<string>;
}

export function planLine({ stations }: LineConfig): LinePlan {
  const completedBy = Map.groupBy(
    stations.filter(({ complete }) => complete !== undefined),
    ({ complete }) => complete?.tag ?? "",
  );
  const tags = new Set<string>();
  for (const { ready, confirm, part } of stations) {
    for (const { tag } of ready) tags.add(tag);
    if (confirm !== undefined) tags.add(confirm.tag);
    if (part !== undefined) tags.add(part);
  }
  const writesTo = new Map(
    stations.map(({ name, prepare }): [string, string[]] => [
      name,
      [...new Set(prepare.writes.map(({ tag }) => tag.split("/")[0] ?? ""))],
    ]),
  );
  return {
    stations: new Map(stations.map((station) => [station.name, station])),
    behind: new Map(
      stations.map(({ name }) => [name, stations.filter(({ after }) => after?.stations.includes(name))]),
    ),
    completedBy,
    tags: new Set([...tags, ...completedBy.keys()]),
    writesTo,
    devices: new Set([...writesTo.values()].flat()),
  };
}

/**
 * The line's state under a plan, from what is known of its stations: a station that is new begins with its initial parts,
 * one that is known goes on with what still fits.
 */
export function adapt(
  { stations }: LinePlan,
  known: ReadonlyMap<string, StationState>,
  { facts, online }: Pick<LineState, "facts" | "online">,
): LineState {
  const adapted = [...stations.values()].map((config): [string, StationState] => {
    const before = known.get(config.name);
    return [config.name, before === undefined ? fresh(config) : fitted(config, before)];
  });
  return { stations: new Map(adapted), facts, online };
}

function fresh(config: StationConfig): StationState {
  let arrived = 0;
  const initial = Object.entries(config.after?.initial ?? {}).map(([from, count]): [string, Token[]] => [
    from,
    Array.from({ length: count }, (_, index) => {
      arrived += 1;
      return { part: `${from}-initial-${index + 1}`, order: arrived, made: true };
    }),
  ]);
  const watch = config.complete === undefined ? null : newWatch(config.complete);
  return { ...newStation, watch, waiting: Object.fromEntries(initial), arrived };
}

/** The same object where nothing has to be changed, so that nothing is stored for it. */
function fitted(config: StationConfig, before: StationState): StationState {
  const watch = config.complete === undefined ? null : newWatch(config.complete);
  const sameWatch = before.watch?.rule === watch?.rule;
  const gone = Object.keys(before.waiting).filter((from) => config.after?.stations.includes(from) !== true);
  if (sameWatch && gone.length === 0) return before;
  const waiting = Object.fromEntries(Object.entries(before.waiting).filter(([from]) => !gone.includes(from)));
  return { ...before, watch: sameWatch ? before.watch : watch, waiting };
}

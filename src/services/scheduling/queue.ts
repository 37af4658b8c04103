import type { StationConfig } from "../../config/line.ts";
import type { StationState, TakenToken, Token } from "./state.ts";

type Waiting = StationState["waiting"];

/** Parts that a station takes together. */
export interface Taken {
  /** The first is the one that the station's part goes on as. */
  readonly tokens: readonly [TakenToken, ...TakenToken[]];
  /** What is left. */
  readonly waiting: Waiting;
}

/** The parts that the station would take now; undefined where one that it needs is not there. */
export function nextParts({ after }: StationConfig, { waiting }: StationState): Taken | undefined {
  if (after === undefined) return undefined;
  const heads = headsOf(after.stations, waiting);
  if (after.mode === "all") return heads.length < after.stations.length ? undefined : taken(heads, waiting);
  const [oldest] = [...heads].sort((left, right) => left.token.order - right.token.order);
  return oldest && taken([oldest], waiting);
}

/** The part of this id wherever it stands, with the oldest of the others where parts are joined; undefined where it does not wait. */
export function partsWith({ after }: StationConfig, waiting: Waiting, part: string): Taken | undefined {
  for (const from of after?.stations ?? []) {
    const token = waiting[from]?.find((one) => one.part === part);
    if (token === undefined) continue;
    const others = after?.mode === "all" ? after.stations.filter((name) => name !== from) : [];
    return taken([{ from, token }, ...headsOf(others, waiting)], waiting);
  }
  return undefined;
}

/** Puts parts back to where they stood. */
export function putBack(waiting: Waiting, tokens: readonly TakenToken[]): Waiting {
  const full = { ...waiting };
  for (const { from, token } of tokens)
    full[from] = [...(full[from] ?? []), token].sort((left, right) => left.order - right.order);
  return full;
}

function headsOf(stations: readonly string[], waiting: Waiting): readonly TakenToken[] {
  return stations.flatMap((from) => {
    const token: Token | undefined = waiting[from]?.[0];
    return token === undefined ? [] : [{ from, token }];
  });
}

function taken([first, ...more]: readonly TakenToken[], waiting: Waiting): Taken | undefined {
  if (first === undefined) return undefined;
  const left = { ...waiting };
  for (const { from, token } of [first, ...more])
    left[from] = (left[from] ?? []).filter(({ order }) => order !== token.order);
  return { tokens: [first, ...more], waiting: left };
}

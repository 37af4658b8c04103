import type { StationConfig } from "../../config/line.ts";
import { nextParts, partsWith, putBack, type Taken } from "./queue.ts";
import type { Cycle, StationState, TakenToken } from "./state.ts";
import type { Fields } from "./turn.ts";

/** So many ids are remembered, to know one that is told twice. Carriers that go round have ids that come again. */
const mostRemembered = 16;

/** Which part a station has finished, and what is left before it. */
export interface Finished {
  /** Undefined: an id has to be made. */
  readonly part: string | undefined;
  /** True for an id that was made, here or before: the first tag that tells one gives the part its name. */
  readonly made: boolean;
  readonly waiting: StationState["waiting"];
  readonly remembered: readonly string[] | undefined;
  /** For the event: what of it was not to be expected. */
  readonly fields: Fields;
  /** Parts that others went past twice: they are not followed any more. */
  readonly passed: readonly string[];
}

/**
 * The part that a completion is about. A part that another one went past waits again at its place: no id that is told loses
 * one that is not.
 * @param id as told at the station; undefined where nothing tells it
 */
export function finishedPart(config: StationConfig, state: StationState, id: string | undefined): Finished {
  if (id === undefined) return followed(config, state);
  const { cycle, waiting, remembered = [] } = state;
  if (cycle?.parts.includes(id) === true)
    return { ...named(id), waiting, remembered: remember(config, remembered, [id]), fields: {} };
  const isRemembered = remembered.includes(id);
  const isOther = isRemembered || partsWith(config, waiting, id) !== undefined;
  const before = cycle !== null && isOther ? goPast(config, cycle, waiting) : { waiting, passed: [] };
  const { passed } = before;
  const own = partsWith(config, before.waiting, id);
  if (own === undefined) return isOther ? stray(config, state, id, before) : renamed(config, state, id);
  const expected = expectedOf(config, state);
  return {
    ...named(id),
    waiting: own.waiting,
    remembered: remember(config, remembered, [...passed, id]),
    fields: { unprepared: true, ...(expected === id ? {} : { expected }) },
    passed,
  };
}

/** Nothing tells an id: it follows the part that the station was told to prepare for, else the one that waits first. */
function followed(config: StationConfig, state: StationState): Finished {
  const { cycle, waiting, remembered } = state;
  const next = cycle === null ? nextParts(config, state) : undefined;
  const first = next?.tokens[0].token;
  const part = cycle?.part ?? first?.part;
  const made = part === undefined || (cycle?.made ?? first?.made) === true;
  return {
    part,
    made,
    waiting: next?.waiting ?? waiting,
    remembered: made ? remembered : remember(config, remembered, [part]),
    fields: {
      ...(next === undefined ? {} : { unprepared: true }),
      ...(config.part === undefined ? {} : { unread: true }),
    },
    passed: [],
  };
}

/** An id that is new here: the name, from now on, of the part that the station has, but of none that goes by another one. */
function renamed(config: StationConfig, state: StationState, id: string): Finished {
  const { cycle, waiting, remembered = [] } = state;
  const next = cycle === null ? nextParts(config, state) : undefined;
  const expected = expectedOf(config, state);
  // Parts that are joined get a name of their own.
  const isJoined = (cycle?.parts ?? next?.tokens ?? []).length > 1;
  if (cycle !== null) {
    if (isJoined || expected === undefined) return { ...named(id), waiting, remembered, fields: {} };
    const fields = { unexpected: true, expected };
    return { ...named(id), waiting, remembered: remember(config, remembered, [expected]), fields };
  }
  if (next === undefined) {
    const fields = config.after === undefined ? {} : { unexpected: true };
    return { ...named(id), waiting, remembered: remember(config, remembered, [id]), fields };
  }
  if (!isJoined && expected !== undefined)
    return { ...named(id), waiting, remembered, fields: { unexpected: true, expected } };
  return { ...named(id), waiting: next.waiting, remembered, fields: { unprepared: true } };
}

/** An id that was here before: it takes no part's place. */
function stray(
  config: StationConfig,
  state: StationState,
  id: string,
  { waiting, passed }: Pick<Finished, "waiting" | "passed">,
): Finished {
  const fields = { unexpected: true, expected: expectedOf(config, state) };
  return { ...named(id), waiting, remembered: remember(config, state.remembered, passed), fields, passed };
}

function named(part: string): Pick<Finished, "part" | "made" | "passed"> {
  return { part, made: false, passed: [] };
}

/** The id that was to come, where it was told and not made. */
function expectedOf(config: StationConfig, state: StationState): string | undefined {
  if (state.cycle !== null) return state.cycle.made === true ? undefined : state.cycle.part;
  const next: Taken | undefined = nextParts(config, state);
  return next?.tokens[0].token.made === true ? undefined : next?.tokens[0].token.part;
}

/** What the station was told to prepare for waits again; but what was passed before is not there, and would be in the way for good. */
function goPast(
  { after }: StationConfig,
  { taken = [] }: Cycle,
  waiting: StationState["waiting"],
): Pick<Finished, "waiting" | "passed"> {
  const isGone = ({ token }: TakenToken) => token.passed === true;
  const again = taken.filter((one) => !isGone(one) && after?.stations.includes(one.from) === true);
  return {
    waiting: putBack(
      waiting,
      again.map(({ from, token }) => ({ from, token: { ...token, passed: true } })),
    ),
    passed: taken.filter(isGone).map(({ token }) => token.part),
  };
}

/** Before a line's first station nothing waits that an id could be held against: there the last one alone is. */
function remember(
  { part, after }: StationConfig,
  before: readonly string[] = [],
  ids: readonly string[],
): readonly string[] | undefined {
  if (part === undefined) return undefined;
  return [...before, ...ids].slice(after === undefined ? -1 : -mostRemembered);
}

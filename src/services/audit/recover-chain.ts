import { genesis, readEntry, type ChainHead } from "./audit-entry.ts";
import type { AuditMarks } from "./audit-segment.ts";
import type { SegmentText } from "./verify-chain.ts";

/** In words: a gateway that was stopped wrote nothing more. */
export function addedAfter(known: ChainHead, end: ChainHead): string {
  return `entries ${known.sequence + 1} to ${end.sequence} were added after the gateway had stopped`;
}

/** Where the chain goes on after a start. */
export interface RecoveredChain {
  readonly head: ChainHead;
  /** The number of the last segment; the next one begins with the first entry of this run. */
  readonly segment: number;
  /** What is wrong with the end of the trail; undefined where it is as it was left, a torn last line included. */
  readonly problem?: string | undefined;
  /** How many entries came after the last that the state store knows, as a kill leaves them. */
  readonly unknown: number;
}

/**
 * Finds where the chain goes on: after the last whole line on disk. Where the state store knows of more, or of other
 * entries than are there, it goes on from what the store knows, so that the gap stays for `audit verify` to show.
 *
 * @param last the newest segment with a whole line in it; undefined where there is none
 */
export function recoverChain(last: SegmentText | undefined, marks: AuditMarks): RecoveredChain {
  const { head: known } = marks;
  const segment = Math.max(last?.number ?? 0, known?.segment ?? 0);
  const lines = last?.text.split("\n").slice(0, -1) ?? [];
  const end = lines.length === 0 ? undefined : readEntry(lines.at(-1) ?? "")?.claims;
  const fromStore = (problem: string): RecoveredChain => {
    // Never a number twice, whatever stands on disk.
    const sequence = Math.max(known?.sequence ?? 0, end?.sequence ?? 0);
    return { head: { sequence, hash: known?.hash ?? genesis.hash }, segment, problem, unknown: 0 };
  };
  if (end === undefined) {
    if (last !== undefined) return fromStore("the last line is no entry");
    return known === undefined
      ? { head: genesis, segment, unknown: 0 }
      : fromStore("its segments are missing");
  }
  if (known === undefined) return { head: end, segment, unknown: 0 };
  if (known.sequence > end.sequence)
    return fromStore(`entries ${end.sequence + 1} to ${known.sequence} are missing at the end`);
  const there = hashAt(lines, known.sequence);
  if (there !== undefined && there !== known.hash)
    return fromStore(`entry ${known.sequence} is not the one that was written`);
  const unknown = end.sequence - known.sequence;
  if (known.closed === true && unknown > 0) return fromStore(addedAfter(known, end));
  return { head: end, segment, unknown };
}

/** The hash of an entry in a segment; undefined where it stands in an earlier one. */
function hashAt(lines: readonly string[], sequence: number): string | undefined {
  const line = lines.findLast((one) => one.startsWith(`{"sequence":${sequence},`));
  return line === undefined ? undefined : readEntry(line)?.claims.hash;
}

import type { StateChange } from "../../store/state-store.ts";
import type { ChainHead } from "./audit-entry.ts";

/** The kind of the entry that a segment begins with. */
export const segmentKind = "segment";

/** Below the site's data folder. */
export const auditFolder = "audit";

/** The scope of the state store that holds the head of the chain and the anchor of its oldest segment. */
export const auditScope = "audit";

const namePattern = /^audit-(\d{8,})\.jsonl$/;

/** `audit-00000012.jsonl`. */
export function segmentName(segment: number): string {
  return `audit-${String(segment).padStart(8, "0")}.jsonl`;
}

/** The number in a segment's name; undefined for other files. */
export function segmentNumber(name: string): number | undefined {
  const digits = namePattern.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** A place in the trail. */
export interface AuditMark extends ChainHead {
  readonly segment: number;
}

/** What the state store knows of the audit, so that a cut end, an added one and a missing beginning show. */
export interface AuditMarks {
  /** The last entry that is surely on disk; `closed`: the gateway was stopped after it, and wrote nothing more. */
  readonly head?: (AuditMark & { readonly closed?: true }) | undefined;
  /** Of the oldest segment that retention left: the entry before its first. */
  readonly anchor?: AuditMark | undefined;
}

/** The marks as the state store has them; what has not their form counts as absent. */
export function readMarks(stored: ReadonlyMap<string, string>): AuditMarks {
  return { head: markIn(stored.get("head")), anchor: markIn(stored.get("anchor")) };
}

/** The mark of the last entry as the state store is to have it. */
export function headMark(mark: AuditMark, closed: boolean): StateChange {
  const { sequence, hash, segment } = mark;
  const value = JSON.stringify({ sequence, hash, segment, ...(closed ? { closed } : {}) });
  return { scope: auditScope, key: "head", value };
}

function markIn(json: string | undefined): AuditMarks["head"] {
  if (json === undefined) return undefined;
  const { sequence, hash, segment, closed } = JSON.parse(json) as Readonly<Record<string, unknown>>;
  if (typeof sequence !== "number" || typeof hash !== "string" || typeof segment !== "number")
    return undefined;
  return { sequence, hash, segment, ...(closed === true ? { closed } : {}) };
}

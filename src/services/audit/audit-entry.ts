import { createHash } from "node:crypto";

/** The end of a chain: what the next entry is chained to. */
export interface ChainHead {
  /** Of the last entry, from 1. */
  readonly sequence: number;
  /** Of the last entry, 64 hexadecimal digits. */
  readonly hash: string;
}

/** What the first entry of all is chained to. */
export const genesis: ChainHead = { sequence: 0, hash: "0".repeat(64) };

const suffixLength = `,"hash":"${genesis.hash}"}`.length;

/** The SHA-256 of the previous entry's hash and an entry's text without its own. */
function hashOf(previous: string, text: string): string {
  return createHash("sha256").update(previous).update(text).digest("hex");
}

/**
 * Chains an entry: a line of JSON whose last member `hash` is SHA-256 over the previous entry's hash (as text) and this
 * line as it would be without that member. So the line itself is what is hashed, and no second writing of it can differ.
 */
export function sealEntry(
  fields: object,
  before: ChainHead,
): { readonly line: string; readonly head: ChainHead } {
  const sequence = before.sequence + 1;
  const text = JSON.stringify({ sequence, ...fields });
  const hash = hashOf(before.hash, text);
  return { line: `${text.slice(0, -1)},"hash":"${hash}"}`, head: { sequence, hash } };
}

/** A line as it claims to be: nothing of it is checked but its form. */
export interface ReadEntry {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly claims: ChainHead;
  /** The line without its hash. */
  readonly text: string;
}

/** Undefined where the line has not the form of an entry. */
export function readEntry(line: string): ReadEntry | undefined {
  const match = /,"hash":"([0-9a-f]{64})"\}$/.exec(line.slice(-suffixLength));
  const hash = match?.[1];
  if (hash === undefined) return undefined;
  const text = `${line.slice(0, -suffixLength)}}`;
  try {
    const fields = JSON.parse(text) as Record<string, unknown>;
    const { sequence } = fields;
    return typeof sequence === "number" ? { fields, claims: { sequence, hash }, text } : undefined;
  } catch {
    return undefined;
  }
}

/** What is wrong with an entry as the successor of another; undefined where it is that. */
export function breachOf(entry: ReadEntry, before: ChainHead): string | undefined {
  const { claims, text } = entry;
  const expected = before.sequence + 1;
  if (claims.sequence !== expected) return `entry ${claims.sequence} stands where entry ${expected} belongs`;
  return hashOf(before.hash, text) === claims.hash
    ? undefined
    : `entry ${claims.sequence}, or the one before it, was changed: its hash does not fit`;
}

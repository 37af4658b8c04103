import type { JsonValue, TagValue } from "../domain/reading.ts";

/** Where in a device to look. */
export interface BrowseOptions {
  /** Where to begin, in the protocol's own words: a node id, `holding:0`; absent: the protocol's usual place. */
  readonly from?: string;
  /** Where to end, where the protocol has an order: `holding:200`. */
  readonly to?: string;
  /** How many levels down; absent: all. */
  readonly depth?: number;
}

/** One thing found in a device that a mapping could name. */
export interface BrowsedTag {
  /** A tag name that would suit: a path made of segments. */
  readonly name: string;
  /** The adapter's own keys of a mapping entry, such as `{ address: "holding:40", type: "uint16" }`. */
  readonly entry: { readonly [key: string]: JsonValue };
  readonly writable: boolean;
  /** What it holds now, where that was read. */
  readonly value?: TagValue | null;
  /** Why there is no value, such as `IllegalDataAddress`. */
  readonly status?: string;
  readonly unit?: string;
  readonly description?: string;
}

/** What is probably wrong with a tag, for an operator. */
export interface Diagnosis {
  readonly tag: string;
  /** Plain language: what was seen, what it looks like, what to try. */
  readonly text: string;
}

import type { JsonValue, TagValue } from "../domain/reading.ts";

/** Where in a device to look. */
export interface BrowseOptions {
  /** Where to begin, in the protocol's own words: a node id, `holding:0`; absent: the protocol's usual place. */
  readonly from?: string;
  /** Where to end, where the protocol has an order: `holding:200`. */
  readonly to?: string;
  /** How many levels down; absent: all. */
  readonly depth?: number;
  /** Silence between two requests, in ms, for devices that need it; absent: the connection's own. */
  readonly pauseMs?: number;
  /** How long to listen, in ms, where devices speak by themselves and can't be asked; absent: the adapter's choice. */
  readonly listenMs?: number;
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

/** What the operator knows of a value in raw registers. */
export interface DecodeQuestion {
  /** Where the first register is, in the protocol's own words; absent: not known. */
  readonly address?: string;
  /** What the device's own panel shows, as it is shown there: `50.0`, `P-17`. */
  readonly shows?: string;
  /** Only this byte order; the usual other names are taken too. */
  readonly order?: string;
}

/** One way to read raw registers. */
export interface Decoding {
  /** The adapter's own keys of a mapping entry: `{ address: "holding:40", type: "float32", order: "CDAB" }`. */
  readonly entry: { readonly [key: string]: JsonValue };
  /** The first register that it takes, from 0, and how many. */
  readonly start: number;
  readonly registers: number;
  /** Null where the bits stand for no value of the type. */
  readonly value: TagValue | null;
  /** What the panel shows is the value × this power of ten; there only where something is shown. */
  readonly scale?: number;
}

/** For protocols whose values are cut out of 16-bit registers. */
export interface RegisterDecoder {
  /** The entries, one a register, that read `count` registers from an address on. Throws CONFIG_INVALID. */
  entries(address: string, count: number): readonly { readonly [key: string]: JsonValue }[];
  /**
   * Every type in every order; where it is said what the panel shows, only what fits that, the most likely first.
   * Throws CONFIG_INVALID where the question can't be understood.
   */
  decode(registers: readonly number[], question: DecodeQuestion): readonly Decoding[];
}

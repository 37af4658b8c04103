import type { TimestampUnit } from "../adapter-kit/source-timestamp.ts";
import type { DeviceMapping, TagMapping } from "../adapter-kit/mapping.ts";

/** What a durable message does to the balances that its lines name. */
export type PostingKind = "in" | "out" | "count";

/** `ledger.yaml`, checked, defaults filled in. Plain data. */
export interface LedgersConfig {
  readonly ledgers: readonly LedgerConfig[];
}

/** One ledger: a balance for each article. */
export interface LedgerConfig {
  /** The name of the virtual device whose tags are the balances. */
  readonly name: string;
  readonly unit?: string;
  readonly description?: string;
  /** Digits behind the point of a quantity, 0 to 6. */
  readonly decimals: number;
  /** So many articles and no more. */
  readonly articles: number;
  readonly sources: readonly LedgerSource[];
}

/** Messages of one durable tag, and where the lines stand in them. Pointers are JSON Pointers. */
export interface LedgerSource {
  readonly kind: PostingKind;
  /** As `pos/transaction`, or `pos/{1}/sale` where the device's topics have wildcards. */
  readonly tag: string;
  /** A list of lines, or one line; empty: the whole message. */
  readonly items: string;
  /** In the message: when it happened, as the tag's mapping has it; absent: when it came. */
  readonly time?: { readonly pointer: string; readonly unit: TimestampUnit };
  /** In a line: the article. */
  readonly key: string;
  /** In a line: how many; absent: one for each line. */
  readonly quantity?: string;
}

/** The tag of every balance; `{1}` is the article. */
export const balanceTemplate = "{1}";

/** A ledger as the rest of the site sees it: a device with one tag for each article. */
export function virtualDevice({ name, unit, description }: LedgerConfig): DeviceMapping {
  const balance: TagMapping = {
    name: balanceTemplate,
    options: {},
    value: { kind: "float" },
    scale: 1,
    offset: 0,
    ...(unit === undefined ? {} : { unit }),
    ...(description === undefined ? {} : { description }),
  };
  return { device: name, adapter: "ledger", connection: {}, options: {}, tags: [balance] };
}

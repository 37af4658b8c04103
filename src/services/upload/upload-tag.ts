import type { ActiveRule } from "../../config/upload.ts";
import type { IntegerType } from "../../domain/reading.ts";
import type { Fold, FoldOutput } from "../aggregation/fold.ts";
import type { RowSource } from "./open-batch.ts";

/** A tag under one rule, while it runs. */
export class UploadTag implements RowSource {
  /** Below the site, such as `press-1/ram/pressure`. */
  readonly name: string;
  readonly rule: ActiveRule;
  readonly fold: Fold<unknown>;
  readonly columns: readonly string[];
  readonly every: number | undefined;
  readonly output: FoldOutput;
  /** Its rule is coarser than the site's files say. */
  readonly isThinned: boolean;
  /** Its last good value was a number or a boolean. */
  isNumeric = false;
  state: unknown;
  unit: string | undefined;
  integerType: IntegerType | undefined;
  /** Steady ms. */
  dueAt = Infinity;
  /** The state is not what the store has. */
  isDirty = false;
  /** Rows in the open batch. */
  isWaiting = false;
  /** Its rule is no longer in force: what is stored of it goes. */
  hasEnded = false;
  /** Batches closed and not stored yet that have rows of it. */
  closing = 0;

  /** @param fold of this rule; it has no state of its own, and may be that of many tags */
  constructor(
    name: string,
    rule: ActiveRule,
    fold: Fold<unknown>,
    outputOf: (tag: UploadTag) => FoldOutput,
    isThinned = false,
  ) {
    this.name = name;
    this.isThinned = isThinned;
    this.rule = rule;
    this.fold = fold;
    this.columns = this.fold.columns;
    this.every = rule.kind === "window" ? rule.every : undefined;
    this.state = this.fold.begin();
    this.output = outputOf(this);
  }

  /** True where something of it is, or was, in the store. */
  get isStored(): boolean {
    return this.fold.durable || this.hasEnded;
  }

  /** The rule and the state as they are stored; null: nothing is. */
  encode(): string | null {
    this.isDirty = false;
    if (this.hasEnded) return null;
    return `{"rule":${JSON.stringify(this.rule)},"state":${this.fold.encode(this.state)}}`;
  }
}

/** What the store has of a tag; undefined where it can't be read. */
export function decodeTag(text: string): { readonly rule: ActiveRule; readonly state: string } | undefined {
  const middle = text.indexOf(',"state":');
  try {
    const { rule } = JSON.parse(text) as { rule: ActiveRule };
    return { rule, state: text.slice(middle + ',"state":'.length, -1) };
  } catch {
    return undefined;
  }
}

import { isDeepStrictEqual } from "node:util";
import type { ActiveRule, UploadConfig } from "../../config/upload.ts";
import type { Duration } from "../../domain/duration.ts";
import { foldOfRule } from "../aggregation/fold-of-rule.ts";
import type { Fold, FoldOutput } from "../aggregation/fold.ts";
import { thinRule } from "./thin-rules.ts";
import { UploadRules } from "./upload-rules.ts";
import { UploadTag } from "./upload-tag.ts";

/** Which rule is in force for a tag: that of the site's files, or a coarser one where there is no room. */
export class RuleBook {
  readonly #outputOf: (tag: UploadTag) => FoldOutput;
  /** By the rule's JSON: most tags of a site have one of a few rules. */
  readonly #folds = new Map<string, Fold<unknown>>();
  #rules: UploadRules;
  /** What windows are made coarser to; undefined: nothing is. */
  thinTo: Duration | undefined;

  constructor(config: UploadConfig, outputOf: (tag: UploadTag) => FoldOutput) {
    this.#rules = new UploadRules(config);
    this.#outputOf = outputOf;
  }

  replace(config: UploadConfig): void {
    this.#rules = new UploadRules(config);
  }

  /** Undefined where nothing of the tag is uploaded. */
  of(name: string, isNumeric: boolean): ActiveRule | undefined {
    const rule = this.#rules.of(name);
    return rule === undefined || this.thinTo === undefined ? rule : thinRule(rule, this.thinTo, isNumeric);
  }

  /** Whether a wildcard made the tag. */
  isMade(name: string): boolean {
    return this.#rules.isMade(name);
  }

  /** A tag that begins under a rule. */
  begin(name: string, rule: ActiveRule, isNumeric: boolean): UploadTag {
    const key = JSON.stringify(rule);
    const fold = this.#folds.get(key) ?? foldOfRule(rule);
    this.#folds.set(key, fold);
    const isThinned = !isDeepStrictEqual(rule, this.#rules.of(name));
    const tag = new UploadTag(name, rule, fold, this.#outputOf, isThinned);
    tag.isNumeric = isNumeric;
    return tag;
  }
}

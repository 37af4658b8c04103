import type { ActiveRule, UploadConfig } from "../../config/upload.ts";

/** The rules of a site by the names of its tags. */
export class UploadRules {
  readonly #tags: ReadonlyMap<string, ActiveRule>;
  readonly #templates: readonly { readonly pattern: RegExp; readonly rule: ActiveRule }[];

  constructor({ tags }: Pick<UploadConfig, "tags">) {
    const rules = Object.entries(tags);
    this.#tags = new Map(rules.filter(([name]) => !name.includes("{")));
    this.#templates = rules
      .filter(([name]) => name.includes("{"))
      // Beside its wildcards a name holds nothing that a regular expression would take for more than itself.
      .map(([name, rule]) => ({ pattern: new RegExp(`^${name.replaceAll(/\{\d+\}/g, "[^/]+")}$`), rule }));
  }

  /** Undefined where nothing of the tag is uploaded. */
  of(name: string): ActiveRule | undefined {
    return this.#tags.get(name) ?? this.#templates.find(({ pattern }) => pattern.test(name))?.rule;
  }

  /** Whether a wildcard made the tag. */
  isMade(name: string): boolean {
    return !this.#tags.has(name);
  }

  /** Tags that are named, and not made by wildcards. */
  names(): Iterable<string> {
    return this.#tags.keys();
  }
}

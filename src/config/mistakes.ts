import type { ConfigIssue } from "./site.ts";
import type { Place, SourcePath } from "./source.ts";

/** What is wrong, what is allowed, and what was perhaps meant; where it stands is said apart. */
export interface Problem {
  readonly message: string;
  readonly allowed?: string | undefined;
  readonly meant?: string | undefined;
}

function compare(left: ConfigIssue, right: ConfigIssue): number {
  if (left.file !== right.file) return left.file < right.file ? -1 : 1;
  return left.line - right.line || left.column - right.column;
}

/** Collects every mistake of a folder, so that none hides another. */
export class Mistakes {
  readonly #issues = new Map<string, ConfigIssue>();

  add(place: Place, path: SourcePath, problem: Problem): void {
    const issue: ConfigIssue = {
      file: place.file,
      line: place.line,
      column: place.column,
      path: path.join("."),
      message: problem.message,
      ...(problem.allowed === undefined ? {} : { allowed: problem.allowed }),
      ...(problem.meant === undefined ? {} : { meant: problem.meant }),
    };
    // A mistake in a profile or a shared CSV shows once, however many devices use it.
    this.#issues.set(`${place.file}:${place.line}:${place.column} ${issue.path} ${issue.message}`, issue);
  }

  get none(): boolean {
    return this.#issues.size === 0;
  }

  /** By file, line and column. */
  list(): readonly ConfigIssue[] {
    return [...this.#issues.values()].sort(compare);
  }
}

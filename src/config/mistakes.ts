import type { ConfigIssue } from "./site.ts";
import { isSound, type Place, type SourcePath } from "./source.ts";

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

/** Takes mistakes. */
export interface MistakeSink {
  add(place: Place, path: SourcePath, problem: Problem): void;
}

/** Collects every mistake of a folder, so that none hides another. */
export class Mistakes implements MistakeSink {
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
    // A mistake in a profile or a shared CSV shows once, however many devices use it, but once for each protocol's rule.
    const { file, line, column } = place;
    this.#issues.set(`${file}:${line}:${column} ${issue.path} ${issue.message} ${issue.allowed}`, issue);
  }

  /** Takes mistakes on sound parts only: those on parts that were left out are told already. */
  except(leftOut: readonly SourcePath[]): MistakeSink {
    return {
      add: (place, path, problem) => {
        if (isSound(leftOut, path)) this.add(place, path, problem);
      },
    };
  }

  get none(): boolean {
    return this.#issues.size === 0;
  }

  /** By file, line and column. */
  list(): readonly ConfigIssue[] {
    return [...this.#issues.values()].sort(compare);
  }
}

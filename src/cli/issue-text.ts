import type { ConfigIssue } from "../config/site.ts";

/** One mistake as a compiler would print it: where, which key, what is wrong, what is allowed, what was perhaps meant. */
function issueLine(issue: ConfigIssue): string {
  const { file, line, column, path, message, allowed, meant } = issue;
  const said = [
    `${file}:${line}:${column}  ${path === "" ? "" : `${path}: `}${sentence(message)}`,
    ...(allowed === undefined ? [] : [`Allowed: ${sentence(allowed)}`]),
    ...(meant === undefined ? [] : [`Did you mean ${meant}?`]),
  ];
  return said.join(" ");
}

function sentence(text: string): string {
  return /[.?!…]$/.test(text) ? text : `${text}.`;
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** All mistakes of a folder, a block for each file, and their number. */
export function issueReport(dir: string, issues: readonly ConfigIssue[]): string {
  const byFile = Map.groupBy(issues, (issue) => issue.file);
  const blocks = [...byFile.values()].map((ofFile) => ofFile.map(issueLine).join("\n"));
  const total = `${dir}: ${counted(issues.length, "mistake", "mistakes")} in ${counted(byFile.size, "file", "files")}`;
  return [...blocks, total].join("\n\n");
}

/** The same on stderr, for commands that print something else. */
export function printIssues(dir: string, issues: readonly ConfigIssue[]): void {
  console.error(issueReport(dir, issues));
}

/** What a folder without mistakes holds: how many of each; of what it has no file for, nothing is said. */
export function cleanReport(dir: string, holds: Readonly<Record<string, number | undefined>>): string {
  const said = Object.entries(holds).flatMap(([one, count]) =>
    count === undefined ? [] : [counted(count, one, `${one}s`)],
  );
  return `${dir}: ${said.join(", ")}, no mistakes`;
}

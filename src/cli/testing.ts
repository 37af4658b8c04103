import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { onTestFinished } from "vitest";

const main = join(import.meta.dirname, "..", "..", "bin", "linegate.mjs");

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** For tests: the real CLI in a process of its own, ended with the test at the latest. */
export function startLinegate(...args: readonly string[]) {
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const said = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said.stderr += text));
  const ended = once(child, "close").then(([code]): Ended => ({ code: code as number | null, ...said }));
  return { child, ended, said };
}

/** For tests: the same, waited for. */
export function linegate(...args: readonly string[]): Promise<Ended> {
  return startLinegate(...args).ended;
}

/** For tests: the objects of an output that is one a line. */
export function linesOf(text: string): readonly Readonly<Record<string, unknown>>[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
}

import type { Reporter, TestCase } from "vitest/node";

/** Says of every test that was skipped why: a skip without its reason would pass for a success. */
export class SkipReporter implements Reporter {
  readonly #skipped: string[] = [];

  onTestCaseResult(test: TestCase): void {
    const result = test.result();
    if (result.state !== "skipped") return;
    this.#skipped.push(`${test.module.relativeModuleId} > ${test.name}: ${result.note ?? "no reason given"}`);
  }

  onTestRunEnd(): void {
    if (this.#skipped.length === 0) return;
    process.stdout.write(`\nSkipped:\n${this.#skipped.map((line) => `  ${line}\n`).join("")}`);
  }
}

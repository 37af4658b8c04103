import { join } from "node:path";
import type { monitorEventLoopDelay } from "node:perf_hooks";
import { DatabaseSync } from "node:sqlite";
import { round } from "./statistics.ts";

/** In ms; the timer's own ms taken off. */
export function lateBy(lateness: ReturnType<typeof monitorEventLoopDelay>) {
  const ms = (nanoseconds: number) => round(Math.max(0, nanoseconds / 1e6 - 1), 3);
  return { p50: ms(lateness.percentile(50)), p99: ms(lateness.percentile(99)), max: ms(lateness.max) };
}

/** What a commit that is surely on disk takes here today: no prepare is sent before one. */
export function commits(dir: string): readonly number[] {
  using database = new DatabaseSync(join(dir, "reference.db"));
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE state (value TEXT)");
  const insert = database.prepare("INSERT INTO state VALUES (?)");
  return Array.from({ length: 300 }, () => {
    const since = performance.now();
    insert.run("x".repeat(500));
    return performance.now() - since;
  });
}

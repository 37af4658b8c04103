import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const sectorBytes = 512;
const blockBytes = 512;

/** What the files of a folder take on the disk, in bytes. */
export function diskBytes(dir: string): number {
  let bytes = 0;
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    try {
      if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name)).blocks * blockBytes;
    } catch {
      // Gone meanwhile.
    }
  }
  return bytes;
}

/** Bytes that the process gave the disk to write so far, as the kernel counts them: pages, and no journal. */
export function writtenBytes(pid: number): number {
  const io = readFileSync(`/proc/${pid}/io`, "utf8");
  const of = (key: string) => Number(new RegExp(`^${key}: (\\d+)$`, "m").exec(io)?.[1] ?? 0);
  return of("write_bytes") - of("cancelled_write_bytes");
}

/**
 * Bytes that went to the whole device a folder lies on, the journal and other people's work among them; undefined where it has
 * none. What waits in memory is written first, so that it counts.
 */
export function deviceBytes(dir: string): number | undefined {
  execFileSync("sync", ["--file-system", dir]);
  const { dev } = statSync(dir);
  const major = (dev >> 8) & 0xf_ff;
  const minor = (dev & 0xff) | ((dev >> 12) & 0xf_ff_00);
  try {
    const fields = readFileSync(`/sys/dev/block/${major}:${minor}/stat`, "utf8").trim().split(/\s+/);
    return Number(fields[6]) * sectorBytes;
  } catch {
    return undefined;
  }
}

/** Counts a process's calls of fsync, fdatasync and their like. */
export interface SyncCount {
  /** Undefined where there is no strace, or it may not look. */
  end(): Promise<number | undefined>;
}

/** Counts from now on, by strace in a process of its own. Resolves when it looks. */
export async function countSyncs(pid: number): Promise<SyncCount> {
  const dir = mkdtempSync(join(tmpdir(), "linegate-bench-strace-"));
  const file = join(dir, "counts");
  const calls = "trace=fsync,fdatasync,sync_file_range,msync";
  const child = spawn("strace", ["-c", "-f", "-e", calls, "-o", file, "-p", String(pid)], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = Promise.race([once(child, "exit"), once(child, "error")]).catch(() => undefined);
  await Promise.race([once(child.stderr, "data"), ended]);
  return {
    end: async () => {
      const isLooking = child.exitCode === null && child.pid !== undefined;
      child.kill("SIGINT");
      await ended;
      const table = isLooking ? readFileSync(file, "utf8") : undefined;
      rmSync(dir, { recursive: true, force: true });
      return table === undefined ? undefined : countOf(table);
    },
  };
}

/** The calls of all lines of strace's table: `% time, seconds, usecs/call, calls, [errors,] syscall`. */
function countOf(table: string): number {
  const lines = table.matchAll(/^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(?!total)\w+$/gm);
  return [...lines].reduce((sum, [, calls]) => sum + Number(calls), 0);
}

import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

/** Large enough for the site's streams and state; small enough to be full in a moment. */
const size = "96m";
const chunk = Buffer.alloc(1_000_000);

/** A small disk of its own for a folder, which can be filled. */
export class SmallDisk {
  readonly #dir: string;

  private constructor(dir: string) {
    this.#dir = dir;
  }

  /** Undefined where this user may not mount one. */
  static mount(dir: string): SmallDisk | undefined {
    mkdirSync(dir, { recursive: true });
    const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "none", dir]);
    return status === 0 ? new SmallDisk(dir) : undefined;
  }

  /** To the last byte. */
  fill(): void {
    const file = openSync(this.#filler, "a");
    try {
      for (let piece = chunk; piece.length > 0;) {
        try {
          writeSync(file, piece);
        } catch {
          piece = piece.subarray(0, piece.length >> 1);
        }
      }
    } finally {
      closeSync(file);
    }
  }

  empty(): void {
    rmSync(this.#filler, { force: true });
  }

  unmount(): void {
    spawnSync("umount", ["-l", this.#dir]);
  }

  get #filler(): string {
    return join(this.#dir, "filler");
  }
}

import { closeSync, openSync, rmSync, statfsSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/** SQLite's index of its log takes 32 KB, and a first commit some pages. */
const reserveBytes = 256_000;
/** On a smaller disk than this nothing is kept back. */
const leastFreeBytes = 4_000_000;

/**
 * Room on the disk that is given up when it is full: SQLite can't even open a file then, and a gateway that starts would begin
 * without its state.
 */
export class Reserve {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Sets it up where it is missing. A disk that is nearly full has none. */
  keep(): void {
    try {
      if (this.#size() === reserveBytes || this.#free() < leastFreeBytes) return;
      const file = openSync(this.#path, "w");
      try {
        // Written, not only stretched: a file with a hole takes no room.
        writeSync(file, Buffer.alloc(reserveBytes));
      } finally {
        closeSync(file);
      }
    } catch {
      // A part of it is of use to somebody else.
      this.giveUp();
    }
  }

  /** True where there was one. */
  giveUp(): boolean {
    if (this.#size() === 0) return false;
    rmSync(this.#path, { force: true });
    return true;
  }

  #free(): number {
    const { bavail, bsize } = statfsSync(dirname(this.#path));
    return bavail * bsize;
  }

  #size(): number {
    try {
      return statSync(this.#path).size;
    } catch {
      return 0;
    }
  }
}

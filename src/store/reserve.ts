import { closeSync, mkdirSync, openSync, rmSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/** SQLite's index of its log takes 32 KB, and a first commit some pages. */
const reserveBytes = 1_000_000;

/**
 * Room on the disk that is given up when it is full: SQLite can't even open a file then, and a gateway that starts would begin
 * without its state.
 */
export class Reserve {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Sets it up where it is missing. A disk without room for it has none. */
  keep(): void {
    try {
      if (this.#size() === reserveBytes) return;
      mkdirSync(dirname(this.#path), { recursive: true });
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

  #size(): number {
    try {
      return statSync(this.#path).size;
    } catch {
      return 0;
    }
  }
}

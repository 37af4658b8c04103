import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const source = join(import.meta.dirname, "synced-copy.c");

/** Why there can be no power cut on this machine; undefined where there can. */
export function noPowerCutHere(): string | undefined {
  return spawnSync("cc", ["--version"]).status === 0
    ? undefined
    : "there is no C compiler (cc) for synced-copy.c";
}

/**
 * A simulated power cut. Of the gateway's own files each is as it was at its last sync. nats-server calls the kernel without the
 * C library: of its files what was written since `mark` is gone where it syncs every two minutes (2.9), and all is there where it
 * syncs before it acknowledges.
 */
export class PowerCut {
  readonly #data: string;
  readonly #synced: string;
  readonly #streams: string;
  readonly #library: string;
  readonly #serverSyncs: boolean;

  /** @param scratch a folder of the test's own, on a disk with room */
  constructor(data: string, scratch: string, serverSyncs: boolean) {
    this.#data = data;
    this.#serverSyncs = serverSyncs;
    this.#synced = join(scratch, "synced");
    this.#streams = join(scratch, "streams");
    this.#library = join(scratch, "synced-copy.so");
    mkdirSync(this.#synced, { recursive: true });
    execFileSync("cc", ["-shared", "-fPIC", "-O2", "-o", this.#library, source, "-ldl"]);
  }

  /** For the gateway's process. */
  get environment(): Readonly<Record<string, string>> {
    return { LD_PRELOAD: this.#library, SYNCED_FROM: this.#data, SYNCED_TO: this.#synced };
  }

  /** What nats-server has on disk now survives. It must not write meanwhile. */
  mark(): void {
    if (this.#serverSyncs) return;
    rmSync(this.#streams, { recursive: true, force: true });
    if (existsSync(join(this.#data, "jetstream")))
      cpSync(join(this.#data, "jetstream"), this.#streams, { recursive: true });
  }

  /** To be called when both are dead. */
  restore(): void {
    for (const entry of readdirSync(this.#data, { withFileTypes: true })) {
      const path = join(this.#data, entry.name);
      if (entry.name === "jetstream" && existsSync(this.#streams)) {
        rmSync(path, { recursive: true });
        cpSync(this.#streams, path, { recursive: true });
      } else if (entry.isFile() && entry.name.startsWith("linegate.db")) {
        rmSync(path);
        const copy = join(this.#synced, entry.name);
        if (existsSync(copy)) copyFileSync(copy, path);
      }
    }
  }
}

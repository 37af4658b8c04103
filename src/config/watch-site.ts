import { readdirSync, statSync, watch, type FSWatcher } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { Log } from "../adapter-kit/log.ts";

export interface WatchOptions {
  /** The site folder. */
  readonly dir: string;
  /** Further files, absolute: those a load looked for, profiles and CSV files among them. */
  readonly files: readonly string[];
  readonly log: Log;
  /** Called once for a burst of changes, after the files have been quiet for `quietMs`. Must not throw. */
  onChange(): void;
  /** Editors and copies write in several steps. */
  readonly quietMs?: number;
  /** Between looks where the operating system can't watch. */
  readonly lookMs?: number;
}

const defaultQuietMs = 200;
const defaultLookMs = 5_000;
/** The kernel stamps files with the time of its last tick: up to 10 ms in the past. */
const coarseMs = 10;
/** Watched whether they are there or not. */
const fixedFiles = ["gateway.yaml", "alerts.yaml", "line.yaml", "ledger.yaml"];

/**
 * Watches the files of one site: edits in place, editors that rename a new file over the old, new and deleted files,
 * links switched as a whole. What the operating system reports is only a reason to look: what counts is whether a file's
 * identity, size or time of change differs. Start it before the folder is loaded, so that no edit falls between.
 */
export class SiteWatch {
  readonly #options: WatchOptions;
  readonly #watchers = new Map<string, FSWatcher>();
  #files: readonly string[];
  #state = "";
  #quiet: NodeJS.Timeout | undefined;
  #looking: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#files = options.files;
  }

  start(): void {
    this.#watchFolders();
    this.#state = this.#fingerprint();
  }

  /**
   * From now on these files are watched as well: what the last load looked for. `since` is the time in ms since the Unix
   * epoch when that load began: a file that was not watched before and was changed after it counts as changed.
   */
  follow(files: readonly string[], since: number): void {
    if (this.#closed) return;
    const pending = this.#fingerprint() !== this.#state;
    const before = new Set(this.#watched());
    this.#files = files;
    this.#watchFolders();
    // A change that is still waiting to be told must stay one.
    if (!pending) this.#state = this.#fingerprint();
    const missed = files.filter((file) => !before.has(file) && changedAt(file) > since - coarseMs);
    if (missed.length === 0) return;
    this.#state = "";
    this.#lookSoon();
  }

  /** Idempotent; leaves no watcher and no timer. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#quiet);
    clearInterval(this.#looking);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  get #devicesFolder(): string {
    return join(resolve(this.#options.dir), "devices");
  }

  #watched(): readonly string[] {
    const dir = resolve(this.#options.dir);
    const devices = listFolder(this.#devicesFolder).map((name) => join(this.#devicesFolder, name));
    return [...new Set([...fixedFiles.map((file) => join(dir, file)), ...devices, ...this.#files])];
  }

  #fingerprint(): string {
    return this.#watched()
      .map((file) => `${file} ${identity(file)}`)
      .sort()
      .join("\n");
  }

  #watchFolders(): void {
    const dir = resolve(this.#options.dir);
    const folders = new Set([dir, this.#devicesFolder, ...this.#files.map((file) => dirname(file))]);
    // A folder that is not there, or comes back as another, is seen in the one above it.
    const above = [...folders].filter((folder) => folder !== dir).map(nearestAbove);
    for (const folder of above) folders.add(folder);
    for (const [folder, watcher] of this.#watchers) {
      if (folders.has(folder)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    for (const folder of folders) this.#watchFolder(folder);
  }

  #watchFolder(folder: string): void {
    if (this.#closed || this.#watchers.has(folder) || listFolder(folder, true).length === 0) return;
    try {
      const watcher = watch(folder, { persistent: false }, () => this.#noticed(folder));
      watcher.on("error", (error) => this.#lookInstead(folder, error));
      this.#watchers.set(folder, watcher);
    } catch (error) {
      this.#lookInstead(folder, error);
    }
  }

  #noticed(folder: string): void {
    if (this.#closed) return;
    // A deleted folder's watcher is dead, even where a folder of that name is there again.
    if (identity(folder) === "") this.#unwatch(folder);
    this.#lookSoon();
  }

  #lookSoon(): void {
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => this.#look(), this.#options.quietMs ?? defaultQuietMs);
    this.#quiet.unref();
  }

  #unwatch(folder: string): void {
    this.#watchers.get(folder)?.close();
    this.#watchers.delete(folder);
  }

  #look(): void {
    // In this order, what happens meanwhile is either in the fingerprint or told by a new watcher.
    this.#rearm();
    const state = this.#fingerprint();
    if (state === this.#state) return;
    this.#state = state;
    this.#options.onChange();
  }

  /** The folders may be others than they were, under the same names. */
  #rearm(): void {
    const dir = resolve(this.#options.dir);
    const others = [...this.#watchers.keys()].filter((folder) => folder !== dir);
    for (const folder of others) this.#unwatch(folder);
    this.#watchFolders();
  }

  #lookInstead(folder: string, error: unknown): void {
    this.#unwatch(folder);
    if (this.#closed || this.#looking !== undefined) return;
    const everyMs = this.#options.lookMs ?? defaultLookMs;
    const message = "The site folder can't be watched; it is looked at from time to time instead";
    this.#options.log.warn({ folder, everyMs, error }, message);
    this.#looking = setInterval(() => this.#look(), everyMs);
    this.#looking.unref();
  }
}

/** The first folder above that is there. */
function nearestAbove(folder: string): string {
  const above = dirname(folder);
  return above === folder || identity(above) !== "" ? above : nearestAbove(above);
}

/** Tells one state of a file from the next; empty where there is none. Follows links. */
function identity(path: string): string {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found === undefined
    ? ""
    : `${found.dev}:${found.ino}:${found.size}:${found.mtimeNs}:${found.ctimeNs}`;
}

/** In ms since the Unix epoch; long ago where there is no file. */
function changedAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.ctimeMs ?? 0;
}

/** Names in a folder (with `self`, and the folder itself); empty where there is none. */
function listFolder(folder: string, self = false): readonly string[] {
  try {
    return self ? [".", ...readdirSync(folder)] : readdirSync(folder);
  } catch {
    return [];
  }
}

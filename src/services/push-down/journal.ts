import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ConfigIssue } from "../../config/site.ts";
import { putText, type Disk } from "./disk.ts";
import type { PushOrder } from "./order.ts";

/** In the site folder, so that what is in it can be renamed into its place. */
export const pushFolder = ".push";
/** What became of earlier orders is remembered for so many. */
const outcomesKept = 64;

/** One file of a change. Contents are known by their SHA-256 and kept in `.push/blobs`; null: there is no such file. */
export interface FileChange {
  readonly path: string;
  readonly before: string | null;
  readonly after: string | null;
}

/** What became of an order. */
export interface OrderOutcome {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly by: string;
  readonly outcome: "applied" | "unchanged" | "refused" | "rolled back";
  /** When it was dealt with, in ms since the Unix epoch. */
  readonly at: number;
  readonly message?: string;
  /** Every mistake that it was refused for. */
  readonly issues?: readonly ConfigIssue[];
  /** What it restarted, added and removed. */
  readonly devices?: { readonly [what in "restarted" | "added" | "removed"]: readonly string[] };
  /** Keys of gateway.yaml that take effect at the next start. */
  readonly needRestart?: readonly string[];
  /** Not in the audit yet. */
  readonly unaudited?: true;
}

/**
 * The last change of the folder and how far it is: `applying` is brought to its end after a kill, `trial` is in force and
 * taken back unless the hub is reached, `undoing` is brought to its end too, `settled` and `undone` are at rest.
 */
export interface FolderChange {
  readonly order: Pick<PushOrder, "id" | "name" | "version" | "by">;
  readonly state: "applying" | "trial" | "undoing" | "settled" | "undone";
  readonly changes: readonly FileChange[];
  /** Starts of the gateway since it was applied. */
  readonly starts: number;
  /** It takes effect with the next start only: what the hub says until then proves nothing. */
  readonly needsStart: boolean;
  /** Why it is, or was, taken back. */
  readonly why?: string;
}

interface JournalState {
  readonly format: 1;
  readonly outcomes: readonly OrderOutcome[];
  readonly change?: FolderChange;
}

/** What the gateway remembers of what was pushed to it, in one file that is replaced whole. */
export class Journal {
  readonly #dir: string;
  readonly #disk: Disk;
  #state: JournalState = { format: 1, outcomes: [] };
  #last: Promise<void> = Promise.resolve();

  /** @param dir the site folder, absolute */
  constructor(dir: string, disk: Disk) {
    this.#dir = dir;
    this.#disk = disk;
  }

  get outcomes(): readonly OrderOutcome[] {
    return this.#state.outcomes;
  }

  get change(): FolderChange | undefined {
    return this.#state.change;
  }

  /** A file that is not there, or is none of ours, is an empty one. */
  async read(): Promise<void> {
    const text = await readFile(this.#file, "utf8").catch(() => "");
    const read = parse(text);
    if (read !== undefined) this.#state = read;
  }

  async setChange(change: FolderChange, outcome?: OrderOutcome): Promise<void> {
    await this.#write((state) => ({
      ...state,
      change,
      outcomes: outcome === undefined ? state.outcomes : withOutcome(state.outcomes, outcome),
    }));
  }

  async setOutcome(outcome: OrderOutcome): Promise<void> {
    await this.#write((state) => ({ ...state, outcomes: withOutcome(state.outcomes, outcome) }));
  }

  /** The change has proven itself; nothing where it is another one by now, or is being taken back. */
  async settle(change: FolderChange): Promise<void> {
    await this.#write((state) =>
      state.change === change ? { ...state, change: { ...change, state: "settled" } } : state,
    );
  }

  get #file(): string {
    return join(this.#dir, pushFolder, "journal.json");
  }

  /** One after the other, each on what the one before left. */
  #write(change: (state: JournalState) => JournalState): Promise<void> {
    const written = this.#last.then(async () => {
      const state = change(this.#state);
      if (state === this.#state) return;
      await putText(this.#disk, this.#file, JSON.stringify(state));
      this.#state = state;
    });
    this.#last = written.catch(() => undefined);
    return written;
  }
}

function withOutcome(before: readonly OrderOutcome[], outcome: OrderOutcome): readonly OrderOutcome[] {
  return [...before.filter(({ id }) => id !== outcome.id), outcome].slice(-outcomesKept);
}

/** Nobody else writes this file, and it is replaced whole: its form need not be looked at further. */
function parse(text: string): JournalState | undefined {
  try {
    const read = JSON.parse(text) as JournalState;
    return read.format === 1 ? read : undefined;
  } catch {
    return undefined;
  }
}

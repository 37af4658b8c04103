import type { Log } from "./adapter-kit/log.ts";
import type { ConfigIssue, LoadedSite, Site } from "./config/site.ts";
import { toGatewayError } from "./domain/errors.ts";
import type { Applied } from "./gateway/gateway-types.ts";

/** The gateway as far as a reload has to do with it. */
interface ReloadedGateway {
  apply(site: Site): Promise<Applied>;
  refuseReload(): void;
}

/** What became of a folder that was read again. */
export type Reloaded =
  | { readonly ok: true; readonly applied: Applied }
  | { readonly ok: false; readonly issues: readonly ConfigIssue[] };

export interface SiteReloadOptions {
  readonly gateway: ReloadedGateway;
  readonly log: Log;
  /** Reads and checks the whole folder. */
  readonly load: () => Promise<LoadedSite>;
  /** From now on these files are watched: those the last load looked for, which began at `since` (Unix ms). */
  readonly follow: (files: readonly string[], since: number) => void;
}

function inWords({ file, line, column, path, message, allowed }: ConfigIssue): string {
  return `${file}:${line}:${column} ${path}: ${message}.${allowed === undefined ? "" : ` Allowed: ${allowed}.`}`;
}

/** Takes an edited mapping folder while the gateway runs: checked first, applied whole or not at all. */
export class SiteReload {
  readonly #options: SiteReloadOptions;
  #stopped = false;
  /** An edit during a reload is taken by one more reload after it. */
  #pending = false;
  #running: Promise<void> | undefined;
  #changing: Promise<unknown> | undefined;

  constructor(options: SiteReloadOptions) {
    this.#options = options;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#changing;
    await this.#running;
  }

  /** Reads the folder again; resolves when what it says is in force or refused. Never rejects. */
  reload(): Promise<void> {
    this.#pending = true;
    this.#running ??= this.#afterChange().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /**
   * Changes the folder with no reload in between, then reads it again. Resolves with what became of that; rejects where
   * the work does, the folder can't be read, or the gateway is being stopped.
   */
  change(work: () => Promise<void>): Promise<Reloaded> {
    const changed = Promise.allSettled([this.#changing, this.#running]).then(async () => {
      this.#throwIfStopped();
      await work();
      return this.#once();
    });
    const ended = changed
      .catch(() => undefined)
      .finally(() => {
        if (this.#changing === ended) this.#changing = undefined;
      });
    this.#changing = ended;
    return changed;
  }

  #throwIfStopped(): void {
    if (this.#stopped) throw new DOMException("The gateway is being stopped", "AbortError");
  }

  async #afterChange(): Promise<void> {
    if (this.#changing !== undefined) await this.#changing;
    await this.#whilePending();
  }

  async #whilePending(): Promise<void> {
    while (this.#pending && !this.#stopped) {
      this.#pending = false;
      await this.#once().catch((caught: unknown) => {
        if (this.#stopped) return;
        this.#options.log.error(
          { error: toGatewayError(caught) },
          "the edited mapping could not be taken; the one before stays in force",
        );
      });
    }
  }

  async #once(): Promise<Reloaded> {
    const { gateway, load, log, follow } = this.#options;
    const since = Date.now();
    const loaded = await load();
    this.#throwIfStopped();
    if (!loaded.ok) {
      gateway.refuseReload();
      const mistakes = loaded.issues.map(inWords);
      log.error(
        { mistakes },
        `the edited mapping has ${mistakes.length} mistakes; the one before stays in force`,
      );
      follow(loaded.files, since);
      return { ok: false, issues: loaded.issues };
    }
    const applied = await gateway.apply(loaded.site);
    const { restarted, added, removed, needRestart } = applied;
    follow(loaded.site.files, since);
    if (restarted.length + added.length + removed.length > 0)
      log.info({ restarted, added, removed }, "the edited mapping is in force");
    if (needRestart.length > 0)
      log.warn({ keys: needRestart }, "these keys of gateway.yaml take effect at the next start");
    return { ok: true, applied };
  }
}

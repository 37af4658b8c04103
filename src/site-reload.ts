import type { Log } from "./adapter-kit/log.ts";
import type { ConfigIssue, LoadedSite } from "./config/site.ts";
import { toGatewayError } from "./domain/errors.ts";
import type { Gateway } from "./gateway.ts";

export interface SiteReloadOptions {
  readonly gateway: Pick<Gateway, "apply" | "refuseReload">;
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

  constructor(options: SiteReloadOptions) {
    this.#options = options;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /** Reads the folder again; resolves when what it says is in force or refused. Never rejects. */
  reload(): Promise<void> {
    this.#pending = true;
    this.#running ??= this.#whilePending().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #whilePending(): Promise<void> {
    while (this.#pending && !this.#stopped) {
      this.#pending = false;
      await this.#once().catch((caught: unknown) => {
        this.#options.log.error(
          { error: toGatewayError(caught) },
          "the edited mapping could not be taken; the one before stays in force",
        );
      });
    }
  }

  async #once(): Promise<void> {
    const { gateway, load, log, follow } = this.#options;
    const since = Date.now();
    const loaded = await load();
    if (this.#stopped) return;
    if (!loaded.ok) {
      gateway.refuseReload();
      const mistakes = loaded.issues.map(inWords);
      log.error(
        { mistakes },
        `the edited mapping has ${mistakes.length} mistakes; the one before stays in force`,
      );
      follow(loaded.files, since);
      return;
    }
    const { restarted, added, removed, needRestart } = await gateway.apply(loaded.site);
    follow(loaded.site.files, since);
    if (restarted.length + added.length + removed.length > 0)
      log.info({ restarted, added, removed }, "the edited mapping is in force");
    if (needRestart.length > 0)
      log.warn({ keys: needRestart }, "these keys of gateway.yaml take effect at the next start");
  }
}

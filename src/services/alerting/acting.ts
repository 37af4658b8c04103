import { ActionRunner, type ActionRunnerOptions } from "./action-runner.ts";
import type { AlertCounters } from "./alert-counters.ts";
import type { AlertRule } from "../../config/alerts.ts";
import type { AlertLife, OpenAction } from "./alert-state.ts";
import { actionOf, isSameAction } from "./open-actions.ts";

export interface ActingOptions extends Omit<ActionRunnerOptions, "failed" | "dropped"> {
  readonly counters: AlertCounters;
  /** Something that people are to know. Nothing here throws or waits. */
  readonly tell: (event: "action-failed" | "action-dropped", data: object) => void;
}

/** Has done what alerts call for, and says what of it failed, and what is not done any more. */
export class Acting {
  readonly runner: ActionRunner;
  readonly #options: ActingOptions;
  /** Alerts of which webhooks or publications were given up, as too many wait. */
  readonly #behind = new Set<string>();

  constructor(options: ActingOptions) {
    const { counters, tell, ended, alert: alertOf } = options;
    this.#options = options;
    this.runner = new ActionRunner({
      ...options,
      ended: (alert, action, waitsFor) => {
        ended(alert, action, waitsFor);
        if (alertOf(alert)?.life.open.length === 0) this.#behind.delete(alert);
      },
      failed: (alert, { on }, message) => {
        counters.failedActions += 1;
        tell("action-failed", { alert, on, message });
      },
      dropped: (alert, { on }) => this.#superseded(alert, on),
    });
  }

  /** Takes note of what a decision has taken out of what an alert calls for. */
  decided(rule: AlertRule, before: AlertLife, after: AlertLife): void {
    if (before.open === after.open) return;
    const { name: alert } = rule;
    const left = before.open.filter((open) => !after.open.some((other) => isSameAction(other, open)));
    for (const open of left) {
      this.runner.forget(alert, open);
      if (actionOf(rule, open)?.kind !== "write") this.#givenUp(alert);
      // One under way may still be made.
      else if (!this.runner.isUnderWay(alert, open)) this.#superseded(alert, open.on);
    }
  }

  /** These are in alerts.yaml no more, or are something else there. */
  edited(alert: string, left: readonly OpenAction[]): void {
    const { counters, log, tell } = this.#options;
    for (const open of left) {
      const { on } = open;
      const message = `alerts.yaml was edited: what ${alert} called for when it was ${on}, and was not done yet, is not done any more`;
      this.runner.forget(alert, open);
      counters.dropped("edited");
      log.warn({ alert, on }, message);
      tell("action-dropped", { alert, on, message });
    }
  }

  #superseded(alert: string, on: string): void {
    this.#options.counters.dropped("superseded");
    this.#options.log.info({ alert, on }, "a write that was not made yet is not wanted any more");
  }

  #givenUp(alert: string): void {
    const { counters, log } = this.#options;
    counters.dropped("behind");
    if (this.#behind.has(alert)) return;
    this.#behind.add(alert);
    log.warn(
      { alert },
      `webhooks and publications of ${alert} can't be told as fast as they come: the oldest are given up. Check the far side`,
    );
  }
}

import type { AlertRule } from "../../config/alerts.ts";
import { perform, stillHolds, type ActionOptions } from "./actions.ts";
import type { AlertLife, OpenAction } from "./alert-state.ts";
import type { DescribedAlert } from "./describe.ts";

/** An alert whose actions are done, as it is at the time of asking. */
export interface ActingAlert {
  readonly rule: AlertRule;
  /** Undefined where it is gone. */
  life(): AlertLife | undefined;
  describe(): DescribedAlert;
}

export interface ActionRunnerOptions extends ActionOptions {
  /** An action is done or given up, or waits for a device. */
  readonly ended: (alert: string, action: OpenAction, waitsFor?: string) => void;
  /** An action failed for good. */
  readonly failed: (alert: string, action: OpenAction, message: string) => void;
}

/** Does what alerts call for: of one alert one after the other, of different ones side by side. */
export class ActionRunner {
  readonly #options: ActionRunnerOptions;
  /** The end of each alert's last action that is under way. */
  readonly #chains = new Map<string, Promise<void>>();
  readonly #begun = new Set<string>();

  constructor(options: ActionRunnerOptions) {
    this.#options = options;
  }

  /** Begins the alert's writes that are not begun yet. */
  write(alert: ActingAlert): void {
    this.#begin(
      alert,
      ({ index, waitsFor }) => waitsFor === undefined && alert.rule.actions[index]?.kind === "write",
    );
  }

  /** Begins all that is not begun yet. */
  goOn(alert: ActingAlert): void {
    this.#begin(alert, ({ waitsFor }) => waitsFor === undefined);
  }

  /** Begins again what could not reach the device. */
  deviceIsBack(device: string, alert: ActingAlert): void {
    this.#begin(alert, ({ waitsFor }) => waitsFor === device);
  }

  /** Resolves when nothing is under way. */
  async ended(): Promise<void> {
    while (this.#chains.size > 0) await Promise.all(this.#chains.values());
  }

  #begin(alert: ActingAlert, wanted: (action: OpenAction) => boolean): void {
    const { name } = alert.rule;
    for (const action of alert.life()?.open ?? []) {
      const key = `${name} ${action.sequence} ${action.index}`;
      if (this.#begun.has(key) || !wanted(action)) continue;
      this.#begun.add(key);
      // The first is begun in this turn of the event loop.
      const before = this.#chains.get(name);
      const work = () => this.#do(alert, action);
      const chain = (before === undefined ? work() : before.then(work)).finally(() => {
        this.#begun.delete(key);
        if (this.#chains.get(name) === chain) this.#chains.delete(name);
      });
      this.#chains.set(name, chain);
    }
  }

  async #do(alert: ActingAlert, action: OpenAction): Promise<void> {
    const { ended, failed, log } = this.#options;
    const { name } = alert.rule;
    const life = alert.life();
    if (life === undefined) return;
    if (!stillHolds(action, life)) return ended(name, action);
    const end = await perform(this.#options, alert.rule, action, life, () => alert.describe());
    switch (end.end) {
      case "done":
        return ended(name, action);
      case "waits":
        if (action.waitsFor === undefined)
          log.warn(
            { alert: name, error: end.message },
            `what ${name} calls for waits until ${end.device} is back`,
          );
        return ended(name, action, end.device);
      case "failed":
        log.error({ alert: name, error: end.message }, `what ${name} calls for could not be done`);
        failed(name, action, end.message);
        return ended(name, action);
      case "left":
        return undefined;
    }
  }
}

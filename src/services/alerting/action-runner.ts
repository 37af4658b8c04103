import type { Clock } from "../../adapter-kit/clock.ts";
import type { AlertAction, AlertRule } from "../../config/alerts.ts";
import { perform, type ActionOptions } from "./actions.ts";
import type { AlertLife, OpenAction } from "./alert-state.ts";
import type { DescribedAlert } from "./describe.ts";
import { isAway } from "./lifecycle.ts";
import { actionOf, isSameAction, stillHolds } from "./open-actions.ts";
import { Retries } from "./retries.ts";

type Kind = AlertAction["kind"];

/** An alert whose actions are done, as it is now. */
export interface ActingAlert {
  readonly rule: AlertRule;
  readonly life: AlertLife;
  describe(): DescribedAlert;
}

export interface ActionRunnerOptions extends ActionOptions {
  /** Undefined where it is gone. */
  readonly alert: (name: string) => ActingAlert | undefined;
  /** False where the device is known to be away: that it is back will be told. */
  readonly mayBeOnline: (device: string) => boolean;
  /** An action is done or given up, or waits for a device. */
  readonly ended: (alert: string, action: OpenAction, waitsFor?: string) => void;
  /** An action failed for good. */
  readonly failed: (alert: string, action: OpenAction, message: string) => void;
  /** A write that could not be made is not wanted any more. */
  readonly dropped: (alert: string, action: OpenAction) => void;
  readonly clock: Clock;
}

interface Wanted {
  readonly alert: ActingAlert;
  readonly open: OpenAction;
  readonly action: AlertAction;
}

/**
 * Does what alerts call for. Of one alert the writes are made one after the other, as are the webhooks and the publications, and no
 * write is behind a webhook. What comes next is asked of the alert itself: what it does not want any more is not done.
 */
export class ActionRunner {
  readonly #options: ActionRunnerOptions;
  /** What is under way, by the alert and the kind. */
  readonly #doing = new Map<string, OpenAction>();
  readonly #underWay = new Set<Promise<void>>();
  readonly #retries: Retries;
  /** The last event of each alert that is stored: what it calls for may be told. */
  readonly #stored = new Map<string, number>();
  #stopped = false;

  constructor(options: ActionRunnerOptions) {
    this.#options = options;
    this.#retries = new Retries(options.clock);
  }

  /** Begins the alert's writes. */
  write(name: string): void {
    this.#begin(name, "write");
  }

  /** Begins all that events up to this one call for. @param sequence of the last one that is stored */
  goOn(name: string, sequence: number): void {
    this.#stored.set(name, sequence);
    for (const kind of ["write", "publish", "webhook"] as const) this.#begin(name, kind);
  }

  /** Makes at once what the device could not take. */
  deviceIsBack(device: string, name: string): void {
    const waiting = this.#options.alert(name)?.life.open.filter(({ waitsFor }) => waitsFor === device) ?? [];
    for (const open of waiting) this.#retries.endPause(keyOf(name, open));
    if (waiting.length > 0) this.write(name);
  }

  isUnderWay(name: string, open: OpenAction): boolean {
    return [...this.#doing].some(
      ([chain, other]) => chain.startsWith(`${name} `) && isSameAction(other, open),
    );
  }

  /** The alert wants it no more. */
  forget(name: string, open: OpenAction): void {
    this.#retries.forget(keyOf(name, open));
  }

  /** There is no such alert any more. */
  forgetAlert(name: string): void {
    this.#stored.delete(name);
  }

  /** Begins nothing more; resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#retries.stop();
    while (this.#underWay.size > 0) await Promise.all(this.#underWay);
  }

  #begin(name: string, kind: Kind): void {
    const chain = `${name} ${kind}`;
    if (this.#doing.has(chain)) return;
    const first = this.#next(name, kind);
    if (first === undefined) return;
    this.#doing.set(chain, first.open);
    // The first is begun in this turn of the event loop.
    const work = this.#work(name, kind, first).finally(() => this.#underWay.delete(work));
    this.#underWay.add(work);
  }

  async #work(name: string, kind: Kind, first: Wanted): Promise<void> {
    const chain = `${name} ${kind}`;
    try {
      for (let next: Wanted | undefined = first; next !== undefined; next = this.#next(name, kind)) {
        this.#doing.set(chain, next.open);
        if (!(await this.#do(name, next))) return;
      }
    } finally {
      this.#doing.delete(chain);
    }
  }

  /** What the alert wants next of that kind; undefined: nothing, as far as it can be done now. */
  #next(name: string, kind: Kind): Wanted | undefined {
    const alert = this.#options.alert(name);
    if (alert === undefined || this.#stopped) return undefined;
    // What an alert calls for waits while it is put aside, as the alert does.
    if (kind === "write" && isAway(alert.life)) return undefined;
    for (const open of alert.life.open) {
      const action = actionOf(alert.rule, open);
      if (action?.kind === kind && this.#isDue(name, open, kind)) return { alert, open, action };
    }
    return undefined;
  }

  #isDue(name: string, open: OpenAction, kind: Kind): boolean {
    // An event is told when it is stored; a write waits for no disk.
    if (kind !== "write") return open.sequence <= (this.#stored.get(name) ?? 0);
    if (open.waitsFor === undefined) return true;
    return this.#options.mayBeOnline(open.waitsFor) && !this.#retries.isPausing(keyOf(name, open));
  }

  /** False where nothing more is to be begun. */
  async #do(name: string, { alert, open, action }: Wanted): Promise<boolean> {
    const { log, failed } = this.#options;
    if (action.kind === "write" && !stillHolds(open, alert.life)) {
      this.#options.dropped(name, open);
      this.#end(name, open);
      return true;
    }
    const end = await perform(this.#options, {
      alert: name,
      action,
      open,
      life: alert.life,
      describe: () => alert.describe(),
      isWanted: () => this.#isOpen(name, open),
    });
    switch (end.end) {
      case "done":
        this.#end(name, open);
        return true;
      case "waits":
        this.#wait(name, open, end);
        return true;
      case "failed":
        log.error({ alert: name, error: end.message }, `what ${name} calls for could not be done`);
        failed(name, open, end.message);
        this.#end(name, open);
        return true;
      case "left":
        return !this.#isOpen(name, open);
    }
  }

  #isOpen(name: string, open: OpenAction): boolean {
    return this.#options.alert(name)?.life.open.some((other) => isSameAction(other, open)) ?? false;
  }

  #wait(
    name: string,
    open: OpenAction,
    { device, message }: { readonly device: string; readonly message: string },
  ): void {
    const { log, ended, dropped, mayBeOnline } = this.#options;
    const key = keyOf(name, open);
    if (!this.#isOpen(name, open)) {
      this.#retries.forget(key);
      return dropped(name, open);
    }
    if (open.waitsFor === undefined)
      log.warn(
        { alert: name, error: message },
        `what ${name} calls for is tried again for as long as it is wanted, and when ${device} is back`,
      );
    // A device that is known to be away tells when it is back.
    if (mayBeOnline(device) && !this.#stopped) this.#retries.later(key, () => this.#again(name, open));
    else this.#retries.forget(key);
    ended(name, open, device);
  }

  #again(name: string, open: OpenAction): void {
    this.write(name);
    const { waitsFor } = open;
    if (waitsFor !== undefined && !this.#options.mayBeOnline(waitsFor)) this.forget(name, open);
  }

  #end(name: string, open: OpenAction): void {
    this.forget(name, open);
    this.#options.ended(name, open);
  }
}

function keyOf(name: string, { sequence, index }: OpenAction): string {
  return `${name} ${sequence} ${index}`;
}

import type { Log } from "../../adapter-kit/log.ts";
import type { FloodLimits } from "../../config/alerts.ts";
import { floodDueAt, flow, noFlood, type FloodState } from "./flood.ts";

export interface FloodWatchOptions {
  /** That it begins or ends is told. Nothing here throws or waits. */
  readonly tell: (data: object) => void;
  /** It changed, and is to be stored. @param turned it begins or ends */
  readonly changed: (turned: boolean) => void;
  /** Time alone may change it then. @param at ms of the steady clock; Infinity: never */
  readonly due: (at: number) => void;
  readonly log: Log;
}

/** Watches whether alerts come faster than anybody can follow them; goes on after a restart. */
export class FloodWatch {
  readonly #options: FloodWatchOptions;
  #state: FloodState = noFlood;

  constructor(options: FloodWatchOptions) {
    this.#options = options;
  }

  get state(): FloodState {
    return this.#state;
  }

  /** What the store holds is gone on with. @param steady ms of the steady clock, which no time lies ahead of */
  goOn(json: string | undefined, limits: FloodLimits, steady: number): void {
    this.#state = json === undefined ? noFlood : decode(json, steady);
    this.count(limits, 0, steady);
  }

  /** Takes in that so many alerts were raised now; 0: that time has passed. */
  count(limits: FloodLimits, raised: number, steady: number): void {
    const { tell, changed, due, log } = this.#options;
    const before = this.#state;
    const { since } = before;
    this.#state = flow(limits, before, raised, steady);
    due(floodDueAt(limits, this.#state));
    if (this.#state === before) return;
    changed(since !== this.#state.since);
    if (since === null && this.#state.since !== null) {
      const { alerts, within } = limits;
      log.warn({ alerts, withinMs: within }, "alerts come faster than anybody can follow them");
      tell({ active: true, alerts, withinMs: within });
    } else if (since !== null && this.#state.since === null) {
      const lastedMs = Math.round(steady - since);
      log.info({ lastedMs }, "the flood of alerts is over");
      tell({ active: false, lastedMs });
    }
  }

  /** As the store holds it. */
  encode(): string {
    return JSON.stringify(this.#state);
  }
}

function decode(json: string, steady: number): FloodState {
  try {
    const { raises, since } = JSON.parse(json) as FloodState;
    const passed = (time: number) => Math.min(time, steady);
    return { raises: raises.map(passed), since: since === null ? null : passed(since) };
  } catch {
    return noFlood;
  }
}

import type { Clock } from "../../adapter-kit/clock.ts";
import type { Log } from "../../adapter-kit/log.ts";
import type { LoadedSite } from "../../config/site.ts";
import { isAbort, toGatewayError } from "../../domain/errors.ts";
import type { AuditRecorder } from "../audit/audit-trail.ts";
import type { Metric } from "../../observability/exposition.ts";
import { undoChange, type ChangedFolder } from "./change-folder.ts";
import type { HubWire } from "../../nats/hub-wire.ts";
import type { OrderOutcome } from "./journal.ts";
import { parseWanted, resultSubject, wantedSubject, type PushOrder } from "./order.ts";
import type { PushLimits } from "./plan-change.ts";
import { pushMetrics, type PushCounts } from "./push-metrics.ts";
import { takeOrder, type TakeOptions } from "./take-order.ts";

export interface PushDownOptions extends Pick<TakeOptions, "folder" | "change"> {
  readonly gateway: string;
  readonly limits: PushLimits;
  /** Within it the hub must have been reached after a change, else the change is taken back. */
  readonly trialMs: number;
  readonly wire: HubWire;
  /** Reads and checks a whole folder. */
  readonly load: (dir: string, signal: AbortSignal) => Promise<LoadedSite>;
  /** Keys of gateway.yaml that are in force were taken back: only a new start brings the ones before. */
  readonly startAgain: (() => void) | undefined;
  readonly audit: AuditRecorder;
  readonly clock: Clock;
  readonly log: Log;
  /** After each order: what became of the last ones. */
  readonly onOutcome: (outcomes: readonly OrderOutcome[]) => void;
}

/** After a question that the hub did not answer: its cluster may be without a leader for a moment. */
const retryMs = 5_000;
/** Any server of the hub's cluster answers, one whose copy is a moment behind as well: what was published is looked for again. */
const behindMs = 1_000;
const mostLooksBehind = 30;

/**
 * Takes what the hub has put for this gateway on `push.<gateway>.wanted`, as soon as the hub can be reached: each order
 * once, checked, applied whole or not at all, and answered on `push.<gateway>.result`. A change stays on trial until the hub
 * has taken that answer; it is taken back where that does not happen in time.
 */
export class PushDown {
  readonly #options: PushDownOptions;
  readonly #folder: ChangedFolder;
  readonly #counts: PushCounts = { applied: 0, unchanged: 0, refused: 0, "rolled back": 0 };
  readonly #stopping = new AbortController();
  #forget: (() => void) | undefined;
  #working: Promise<void> | undefined;
  #again = false;
  #lookAgain: Promise<void> | undefined;
  /** What was published for this gateway last, and is not found yet; and how often it may be looked for. */
  #published: { readonly payload: Uint8Array; looks: number } | undefined;
  #isStarted = false;
  #trial: Promise<void> | undefined;
  /** The answer that the hub has; that nothing was ever put need not be told. */
  #answered = "[]";
  #told = "";

  constructor(options: PushDownOptions) {
    this.#options = options;
    this.#folder = options.folder;
  }

  /** What became of the last orders. */
  get outcomes(): readonly OrderOutcome[] {
    return this.#folder.journal.outcomes;
  }

  metrics(): Generator<Metric> {
    return pushMetrics(this.#counts, this.#folder.journal.change);
  }

  /** The folder is in force as it is. */
  async start(): Promise<void> {
    const { gateway, wire, onOutcome } = this.#options;
    await this.#folder.journal.read();
    if (this.outcomes.length > 0) onOutcome(this.outcomes);
    this.#watchTrial();
    this.#forget = wire.subscribe(wantedSubject(gateway), (payload) => {
      this.#published = { payload, looks: mostLooksBehind };
      this.look();
    });
    this.#isStarted = true;
    this.look();
  }

  /** Looks what the hub has: something was put there, or the hub is back. Nothing before the start. Never throws. */
  look(): void {
    // What was dealt with is not known yet.
    if (!this.#isStarted) return;
    this.#again = true;
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
      if (this.#again && !this.#stopping.signal.aborted) this.look();
    });
  }

  /** A change under way is brought to its end. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping.abort(new DOMException("The gateway is being stopped", "AbortError"));
    this.#forget?.();
    await this.#working;
    await this.#lookAgain;
    await this.#trial;
  }

  async #work(): Promise<void> {
    const { log } = this.#options;
    while (this.#again && !this.#stopping.signal.aborted) {
      this.#again = false;
      try {
        await this.#once();
        this.#told = "";
      } catch (caught) {
        if (isAbort(caught) || this.#stopping.signal.aborted) return;
        const { code, message } = toGatewayError(caught);
        // A hub that is away is told by the link to it, and its return begins this anew.
        if (code !== "UPLINK_UNAVAILABLE" && message !== this.#told)
          log.warn({ error: message }, "What the hub has for this gateway can't be taken");
        this.#told = message;
        this.#lookAgain ??= this.#lookLater(retryMs);
      }
    }
  }

  async #once(): Promise<void> {
    const { gateway, wire } = this.#options;
    await this.#auditOutcomes();
    await this.#answer();
    const found = await wire.ask(`${wire.api}.DIRECT.GET.PUSH.${wantedSubject(gateway)}`, "");
    this.#seek(found);
    for (const order of found === undefined ? [] : parseWanted(found).orders) {
      if (this.outcomes.some(({ id }) => id === order.id)) continue;
      // One change on trial at a time: what it is taken back to must be what was there before it.
      if (this.#folder.journal.change?.state === "trial") return;
      this.#stopping.signal.throwIfAborted();
      await this.#take(order);
      await this.#auditOutcomes();
      await this.#answer();
    }
  }

  async #take(order: PushOrder): Promise<void> {
    const { log, onOutcome } = this.#options;
    const outcome = await takeOrder(order, { ...this.#options, signal: this.#stopping.signal });
    const { name, version, by } = order;
    const about = { name, version, by, outcome: outcome.outcome };
    if (outcome.outcome === "applied" || outcome.outcome === "unchanged")
      log.info(about, "taken from the hub");
    else log.warn({ ...about, message: outcome.message, issues: outcome.issues }, "not taken from the hub");
    onOutcome(this.outcomes);
    this.#watchTrial();
  }

  /** Tells the hub what became of its orders; that it hears it is what a change on trial waits for. */
  async #answer(): Promise<void> {
    const { gateway, wire, clock } = this.#options;
    const { journal } = this.#folder;
    const orders = journal.outcomes.map(withoutMark);
    const text = JSON.stringify(orders);
    const { change } = journal;
    const isOnTrial = change?.state === "trial" && !change.needsStart;
    if (text !== this.#answered || isOnTrial) {
      const result = JSON.stringify({ format: 1, gateway, at: clock.now(), orders });
      await wire.ask(resultSubject(gateway), result);
      this.#answered = text;
    }
    if (isOnTrial) await journal.settle(change);
  }

  /** Each outcome once; where a kill falls between, twice rather than never. */
  async #auditOutcomes(): Promise<void> {
    const { audit } = this.#options;
    const { journal } = this.#folder;
    for (const marked of journal.outcomes.filter(({ unaudited }) => unaudited === true)) {
      const outcome = withoutMark(marked);
      await audit.record("push", outcome);
      await journal.setOutcome(outcome);
      this.#counts[outcome.outcome] += 1;
    }
  }

  /** Looks again where this is not what was published. */
  #seek(found: Uint8Array | undefined): void {
    const sought = this.#published;
    if (sought === undefined) return;
    if ((found !== undefined && Buffer.compare(found, sought.payload) === 0) || sought.looks === 0) {
      this.#published = undefined;
      return;
    }
    sought.looks -= 1;
    this.#lookAgain ??= this.#lookLater(behindMs);
  }

  async #lookLater(waitMs: number): Promise<void> {
    await this.#options.clock.sleep(waitMs, this.#stopping.signal).catch(() => undefined);
    this.#lookAgain = undefined;
    if (!this.#stopping.signal.aborted) this.look();
  }

  #watchTrial(): void {
    const { change } = this.#folder.journal;
    if (change?.state !== "trial" || change.needsStart) return;
    this.#trial ??= this.#endTrial(change.order.id).finally(() => {
      this.#trial = undefined;
    });
  }

  async #endTrial(id: string): Promise<void> {
    const { clock, trialMs, log, change: changeFolder, onOutcome } = this.#options;
    const { journal } = this.#folder;
    try {
      await clock.sleep(trialMs, this.#stopping.signal);
      const { change } = journal;
      if (change?.state !== "trial" || change.order.id !== id) return;
      const why = `the hub was not reached within ${trialMs / 1_000} s after it`;
      const reloaded = await changeFolder(async () => {
        if (journal.change === change) await undoChange(this.#folder, change, why, clock.now());
      });
      if (journal.change?.state === "settled") return;
      log.error(
        { name: change.order.name, version: change.order.version, why },
        "taken back: a change from the hub",
      );
      onOutcome(this.outcomes);
      if (reloaded.ok && reloaded.applied.needRestart.length > 0) this.#options.startAgain?.();
      else this.look();
    } catch (caught) {
      if (!isAbort(caught))
        log.error({ error: toGatewayError(caught).message }, "A change from the hub could not be taken back");
    }
  }
}

function withoutMark(outcome: OrderOutcome): OrderOutcome {
  const { unaudited: _unaudited, ...told } = outcome;
  return told;
}

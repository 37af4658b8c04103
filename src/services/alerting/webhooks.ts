import type { Clock } from "../../adapter-kit/clock.ts";
import { answerTo, httpFor } from "../../adapter-kit/node-http.ts";
import type { AlertAction } from "../../config/alerts.ts";
import type { ActionEnd } from "./action-end.ts";
import type { OpenAction } from "./alert-state.ts";
import type { DescribedAlert } from "./describe.ts";

type Webhook = Extract<AlertAction, { kind: "webhook" }>;

export interface WebhookOptions {
  readonly gateway: string;
  readonly clock: Clock;
  /** In [0, 1): jitter. */
  readonly random: () => number;
  /** ms of the service's steady clock, by which actions are called for. */
  readonly steady: () => number;
  /** The text that a header's value stands for: env:NAME and file:NAME are looked up. */
  readonly secret: (text: string) => Promise<string>;
}

type Sent =
  | { readonly ok: true }
  | { readonly ok: false; readonly message: string; readonly isFinal: boolean };

/** Refusals that may pass, though they are the asker's fault by their number: RFC 9110 §15.5.9, RFC 6585 §4, RFC 8470 §5.2. */
const passing = new Set([408, 425, 429]);
const mostAtOnce = 4;
/** A storm of alerts at a far side that does not answer must not fill the memory. */
const mostWaiting = 2_000;
const firstPauseMs = 500;
const longestPauseMs = 60_000;

/** Posts alerts as JSON, a few at a time; tries again with growing pauses until the time for it is over. */
export class Webhooks {
  readonly #options: WebhookOptions;
  readonly #stopping = new AbortController();
  readonly #turns: (() => void)[] = [];
  #busy = 0;

  constructor(options: WebhookOptions) {
    this.#options = options;
  }

  /**
   * Never rejects. The far side can tell repetitions by the header `Idempotency-Key`.
   * @param isWanted asked before each repetition
   */
  async post(
    hook: Webhook,
    alert: DescribedAlert & { readonly on: string },
    open: OpenAction,
    isWanted: () => boolean = () => true,
  ): Promise<ActionEnd> {
    const { clock, gateway, random, steady } = this.#options;
    const key = `${gateway}-${alert.alert}-${open.sequence}-${open.index}`;
    const body = JSON.stringify({ gateway, ...alert });
    for (let pause = firstPauseMs; ; pause = Math.min(2 * pause, longestPauseMs)) {
      if (!(await this.#turn())) return { end: "failed", message: `More than ${mostWaiting} webhooks wait.` };
      const sent = await this.#send(hook, body, key);
      this.#done();
      if (this.#stopping.signal.aborted) return { end: "left" };
      if (sent.ok) return { end: "done" };
      const wait = pause * (0.5 + random() / 2);
      if (sent.isFinal || steady() + wait > open.at + hook.retryFor)
        return { end: "failed", message: `${hook.url} did not take it: ${sent.message}` };
      await clock.sleep(wait, this.#stopping.signal).catch(() => undefined);
      if (this.#stopping.signal.aborted || !isWanted()) return { end: "left" };
    }
  }

  /** What is under way is given up; it is gone on with after the restart. Idempotent. */
  stop(): void {
    this.#stopping.abort();
    for (const turn of this.#turns.splice(0)) turn();
  }

  async #send(hook: Webhook, body: string, key: string): Promise<Sent> {
    try {
      const secrets: [name: string, value: string][] = [];
      for (const [name, value] of Object.entries(hook.headers))
        secrets.push([name, await this.#options.secret(value)]);
      const signal = AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(hook.timeout)]);
      const { request: ask } = await httpFor(hook.url);
      const request = ask(hook.url, { method: "POST", agent: false, signal });
      request.setHeader("content-type", "application/json");
      request.setHeader("idempotency-key", key);
      for (const [name, value] of secrets) request.setHeader(name, value);
      const response = await answerTo(request, body);
      response.destroy();
      const { statusCode: status = 0 } = response;
      if (status >= 200 && status < 300) return { ok: true };
      const isFinal = status >= 400 && status < 500 && !passing.has(status);
      return { ok: false, message: `it answered ${status}`, isFinal };
    } catch (caught) {
      const cause = caught instanceof Error && caught.cause instanceof Error ? caught.cause : caught;
      return { ok: false, message: cause instanceof Error ? cause.message : String(cause), isFinal: false };
    }
  }

  /** False where too many wait already. */
  async #turn(): Promise<boolean> {
    if (this.#busy >= mostAtOnce) {
      if (this.#turns.length >= mostWaiting) return false;
      await new Promise<void>((turn) => this.#turns.push(turn));
    }
    this.#busy += 1;
    return true;
  }

  #done(): void {
    this.#busy -= 1;
    this.#turns.shift()?.();
  }
}

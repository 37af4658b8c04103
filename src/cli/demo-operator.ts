import type { NatsConnection } from "@nats-io/transport-node";
import type { Site } from "../config/site.ts";
import { encodeTagValue, type TagValue } from "../domain/reading.ts";
import type { DescribedAlert } from "../services/alerting/describe.ts";

export interface DemoOperatorOptions {
  readonly site: Pick<Site, "gateway" | "alerts">;
  /** Every alert as it stands. */
  readonly alerts: () => readonly DescribedAlert[];
  /** The last value of a tag. */
  readonly valueOf: (tag: string) => TagValue | null | undefined;
  readonly connection: Pick<NatsConnection, "request">;
  /** Unix ms. */
  readonly now: () => number;
}

const name = "demo operator";
/** How long somebody takes to look. */
const looksForMs = 5_000;
const replyWithinMs = 3_000;

/**
 * Somebody at the panel: acknowledges what was raised, resets what is held and sets again what the alert wrote, by NATS
 * requests as any panel does.
 */
export class DemoOperator {
  readonly #options: DemoOperatorOptions;
  /** What tags that alerts write to were set to before. */
  readonly #before = new Map<string, TagValue>();
  #asking = false;
  /** What was done last, in words. */
  lastDeed = "";

  constructor(options: DemoOperatorOptions) {
    this.#options = options;
  }

  /** Looks at the alerts, and does one thing where there is something to do. */
  async look(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    for (const alert of this.#options.alerts()) {
      const request = this.#requestFor(alert);
      if (request === undefined) continue;
      await this.#do(request, alert.alert);
      break;
    }
    this.#asking = false;
  }

  #requestFor(alert: DescribedAlert): "acknowledge" | "reset" | undefined {
    const { state, timestamp } = alert;
    if (state === "normal") this.#remember(alert.alert);
    if (timestamp === null || this.#options.now() - timestamp < looksForMs) return undefined;
    if (state.endsWith("unacknowledged")) return "acknowledge";
    return state === "latched-acknowledged" ? "reset" : undefined;
  }

  async #do(request: "acknowledge" | "reset", alert: string): Promise<void> {
    const { gateway, site } = this.#options.site.gateway;
    const refused = await this.#ask(`alerting.${gateway}.${request}`, { alert, by: name });
    const did = `${request === "reset" ? "reset" : "acknowledged"} ${alert} by NATS request`;
    this.lastDeed = refused === undefined ? did : `${did}: ${refused}`;
    if (request !== "reset" || refused !== undefined) return;
    for (const tag of this.#writtenBy(alert)) {
      const value = this.#before.get(tag);
      if (value === undefined) continue;
      await this.#ask(`cmd.${site}.${tag}`.replaceAll("/", "."), { value });
      this.lastDeed = `${did}, set ${tag} to ${encodeTagValue(value)} again`;
    }
  }

  #remember(alert: string): void {
    for (const tag of this.#writtenBy(alert)) {
      const value = this.#options.valueOf(tag);
      if (value !== undefined && value !== null) this.#before.set(tag, value);
    }
  }

  #writtenBy(alert: string): readonly string[] {
    const rule = this.#options.site.alerts?.alerts.find((one) => one.name === alert);
    return (rule?.actions ?? []).flatMap((action) => (action.kind === "write" ? [action.tag] : []));
  }

  /** Undefined where it was done, else why not. */
  async #ask(subject: string, request: object): Promise<string | undefined> {
    try {
      const payload = JSON.stringify(request);
      const message = await this.#options.connection.request(subject, payload, { timeout: replyWithinMs });
      const reply = message.json<{ ok: boolean; message?: string }>();
      return reply.ok ? undefined : (reply.message ?? "refused");
    } catch (caught) {
      return `no answer (${caught instanceof Error ? caught.message : String(caught)})`;
    }
  }
}

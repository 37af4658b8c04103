import { setTimeout as delay } from "node:timers/promises";
import { parseDuration } from "../domain/duration.ts";
import { GatewayError } from "../domain/errors.ts";
import { gatewayStatus, type OrderStatus } from "../hub/push/push-status.ts";
import type { PushStore } from "../hub/push/push-store.ts";
import type { PushOrder } from "../services/push-down/order.ts";
import { issueReport } from "./issue-text.ts";

const lookEveryMs = 250;

/** How long an answer is waited for, in ms. Throws CONFIG_INVALID. */
export function waitArgument(text: string): number {
  const wait = text === "0" ? 0 : parseDuration(text);
  if (wait === undefined)
    throw new GatewayError("CONFIG_INVALID", `--wait takes a duration such as 30s, not ${text}.`);
  return wait;
}

/** What the gateway says to an order; without an outcome where it has not answered in time. */
export async function answerTo(
  store: PushStore,
  gateway: string,
  order: PushOrder,
  waitMs: number,
): Promise<OrderStatus | undefined> {
  const until = performance.now() + waitMs;
  for (;;) {
    const { orders } = await gatewayStatus(store, gateway);
    const found = orders.find(({ id }) => id === order.id);
    if (found?.outcome !== undefined || found === undefined || performance.now() >= until) return found;
    await delay(lookEveryMs);
  }
}

/** In words, and the exit code: 1 where the gateway did not take it. */
export function tellAnswer(gateway: string, status: OrderStatus | undefined, json: boolean): number {
  if (json) console.log(JSON.stringify({ gateway, ...status, outcome: status?.outcome ?? null }));
  else console.log(answerText(gateway, status));
  const { outcome } = status?.outcome ?? {};
  return outcome === "refused" || outcome === "rolled back" ? 1 : 0;
}

/** What became of an order, with every mistake that it was refused for. */
export function answerText(gateway: string, status: OrderStatus | undefined): string {
  if (status === undefined) return `${gateway}: somebody has put a later order in its place`;
  const { name, version, outcome } = status;
  const what = `${name} ${version.slice(0, 12)}`;
  if (outcome === undefined)
    return `${gateway}: ${what} is put; it takes it when it is there again. linegate hub status tells`;
  const { outcome: end, message, issues = [], devices, needRestart } = outcome;
  const lines = [`${gateway}: ${what} ${end}${message === undefined ? "" : `: ${message}`}`];
  if (issues.length > 0) lines.push(issueReport(gateway, issues));
  for (const [done, names] of Object.entries(devices ?? {}))
    if (names.length > 0) lines.push(`  ${done}: ${names.join(", ")}`);
  if (needRestart !== undefined) lines.push(`  at the next start: ${needRestart.join(", ")}`);
  return lines.join("\n");
}

import { parseWanted, resultSubject, wantedSubject, type PushOrder } from "../../services/push-down/order.ts";
import type { OrderOutcome } from "../../services/push-down/journal.ts";
import type { PushStore } from "./push-store.ts";

/** How one order stands: without an outcome the gateway has not answered yet. */
export interface OrderStatus extends Pick<PushOrder, "id" | "name" | "action" | "version" | "by" | "at"> {
  readonly files: number;
  readonly outcome?: Omit<OrderOutcome, "id" | "name" | "version" | "by">;
}

export interface GatewayStatus {
  readonly gateway: string;
  /** When it answered last, in ms since the Unix epoch; null: never. */
  readonly answered: number | null;
  readonly orders: readonly OrderStatus[];
}

/** What is put for a gateway and what it said to it: known at the hub, be the gateway there or away. */
export async function gatewayStatus(store: PushStore, gateway: string): Promise<GatewayStatus> {
  const [wanted, answer] = [await store.get(wantedSubject(gateway)), await store.get(resultSubject(gateway))];
  const { at = null, outcomes } = answer === undefined ? { outcomes: [] } : parseResult(answer.data);
  const orders = wanted === undefined ? [] : parseWanted(wanted.data).orders;
  return { gateway, answered: at, orders: orders.map((order) => statusOf(order, outcomes)) };
}

/** The ids of the orders that the gateway has said something to. */
export async function answeredOrders(store: PushStore, gateway: string): Promise<ReadonlySet<string>> {
  const answer = await store.get(resultSubject(gateway));
  const { outcomes } = answer === undefined ? { outcomes: [] } : parseResult(answer.data);
  return new Set(outcomes.map(({ id }) => id));
}

/** Every gateway that something was put for. */
export async function pushedGateways(store: PushStore): Promise<readonly string[]> {
  const subjects = await store.subjects("push.*.wanted");
  return subjects.map((subject) => subject.split(".")[1] ?? "").sort();
}

function statusOf(order: PushOrder, outcomes: readonly OrderOutcome[]): OrderStatus {
  const { id, name, action, version, by, at, files } = order;
  const found = outcomes.find((outcome) => outcome.id === id);
  const status = { id, name, action, version, by, at, files: files.length };
  if (found === undefined) return status;
  const { id: _id, name: _name, version: _version, by: _by, ...outcome } = found;
  return { ...status, outcome };
}

/** A gateway writes it, and no user of the hub but its own may. */
function parseResult(payload: Uint8Array): { at?: number; outcomes: readonly OrderOutcome[] } {
  try {
    const { at, orders } = JSON.parse(Buffer.from(payload).toString("utf8")) as {
      at?: number;
      orders?: readonly OrderOutcome[];
    };
    return { ...(at === undefined ? {} : { at }), outcomes: Array.isArray(orders) ? orders : [] };
  } catch {
    return { outcomes: [] };
  }
}

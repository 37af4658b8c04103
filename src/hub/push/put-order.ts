import { setTimeout as delay } from "node:timers/promises";
import { GatewayError } from "../../domain/errors.ts";
import {
  mostOrders,
  parseWanted,
  pieceBytes,
  pieceSubject,
  versionOf,
  wantedSubject,
  type PushOrder,
  type Wanted,
} from "../../services/push-down/order.ts";
import { partOf } from "../../services/push-down/pushed-path.ts";
import { answeredOrders } from "./push-status.ts";
import type { Bundle } from "./bundle.ts";
import type { PushStore } from "./push-store.ts";

/** Who puts an order, and when. */
export interface Putting {
  readonly gateway: string;
  /** Not given twice. */
  readonly id: string;
  readonly by: string;
  /** In ms since the Unix epoch. */
  readonly at: number;
}

const mostTries = 5;
/** After the first try in vain, twice as long after each: somebody else was faster, or the server that answered was a moment behind. */
const pauseMs = 100;

/**
 * Puts a bundle for a gateway: the bytes first, so that an order that is there can be carried out. Rejects with WRITE_REFUSED
 * where so many orders wait for the gateway already; what was put of the bytes is removed again where it rejects.
 */
export async function putBundle(store: PushStore, bundle: Bundle, putting: Putting): Promise<PushOrder> {
  const { gateway } = putting;
  try {
    for (const { sha256, content } of bundle.files)
      for (let at = 0; at < content.length; at += pieceBytes)
        await store.put(
          pieceSubject(gateway, sha256, at / pieceBytes),
          content.subarray(at, at + pieceBytes),
        );
    return await putFiles(store, bundle, putting);
  } catch (caught) {
    await removeOwn(store, gateway, bundle).catch(() => undefined);
    throw caught;
  }
}

function putFiles(store: PushStore, bundle: Bundle, putting: Putting): Promise<PushOrder> {
  const files = bundle.files.map(({ path, sha256, content }) => ({ path, bytes: content.length, sha256 }));
  return putOrder(store, { action: "put", name: bundle.name, replaces: bundle.replaces, files }, putting);
}

/** Has a gateway go back to what was before the last change that it took. */
export function putRollBack(store: PushStore, putting: Putting): Promise<PushOrder> {
  return putOrder(store, { action: "roll back", name: "roll back", replaces: [], files: [] }, putting);
}

async function putOrder(
  store: PushStore,
  what: Pick<PushOrder, "action" | "name" | "replaces" | "files">,
  { gateway, id, by, at }: Putting,
): Promise<PushOrder> {
  const order: PushOrder = { id, ...what, version: versionOf(what), by, at };
  const subject = wantedSubject(gateway);
  for (let tries = 0; tries < mostTries; tries += 1) {
    const found = await store.get(subject);
    const before = found === undefined ? [] : parseWanted(found.data).orders;
    const standing = before.filter((one) => !givesWay(one, order));
    const orders = [...(await withRoom(store, gateway, standing)), order];
    const wanted: Wanted = { format: 1, orders };
    if (!(await store.put(subject, JSON.stringify(wanted), found?.seq ?? 0))) {
      await delay(pauseMs * 2 ** tries);
      continue;
    }
    await removeUnneeded(store, gateway, orders);
    return order;
  }
  throw new GatewayError(
    "UPLINK_UNAVAILABLE",
    `Somebody else puts orders for ${gateway} all the time. Try again.`,
  );
}

/** Room for one more: the oldest that the gateway has answered give way. */
async function withRoom(
  store: PushStore,
  gateway: string,
  orders: readonly PushOrder[],
): Promise<readonly PushOrder[]> {
  let excess = orders.length + 1 - mostOrders;
  if (excess <= 0) return orders;
  const answered = await answeredOrders(store, gateway);
  const left = orders.filter(({ id }) => {
    const goes = excess > 0 && answered.has(id);
    if (goes) excess -= 1;
    return !goes;
  });
  if (excess <= 0) return left;
  throw new GatewayError(
    "WRITE_REFUSED",
    `${mostOrders} orders wait for ${gateway} already, and it has answered none of them. Put a folder in place of single files, or wait until it is there.`,
  );
}

/** A later one of its name takes its place, and what replaces a part of the folder that of single files in it. */
function givesWay(one: PushOrder, later: PushOrder): boolean {
  if (one.name === later.name) return true;
  const parts = [...one.replaces, ...one.files.map(({ path }) => partOf(path))];
  return parts.length > 0 && parts.every((part) => part !== undefined && later.replaces.includes(part));
}

/** The bytes of a bundle that was not put after all, but for those that another order names. */
async function removeOwn(store: PushStore, gateway: string, { files }: Bundle): Promise<void> {
  const found = await store.get(wantedSubject(gateway));
  const orders = found === undefined ? [] : parseWanted(found.data).orders;
  const needed = new Set(orders.flatMap((order) => order.files.map(({ sha256 }) => sha256)));
  for (const { sha256 } of files)
    if (!needed.has(sha256)) await store.remove(`push.${gateway}.blob.${sha256}.>`);
}

/** Bytes that no order names any more. A gateway that is fetching them looks again and finds the later order. */
async function removeUnneeded(
  store: PushStore,
  gateway: string,
  orders: readonly PushOrder[],
): Promise<void> {
  const needed = new Set(orders.flatMap(({ files }) => files.map(({ sha256 }) => sha256)));
  const prefix = `push.${gateway}.blob.`;
  const kept = await store.subjects(`${prefix}>`);
  const hashes = new Set(kept.map((subject) => subject.slice(prefix.length).split(".")[0] ?? ""));
  for (const sha256 of hashes) if (!needed.has(sha256)) await store.remove(`${prefix}${sha256}.>`);
}

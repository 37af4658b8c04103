import { GatewayError, toGatewayError } from "../domain/errors.ts";
import type { StreamName } from "../store/outbox-row.ts";
import type { SqliteStateStore } from "../store/sqlite-state-store.ts";
import type { Move, StreamMark } from "../store/stream-mark.ts";
import { closeDurable, createDurable, fitDurable, incarnationName } from "./durable-stream.ts";
import { askedBefore } from "./hub-asks.ts";
import { moveAway, seen, sideAt, type Asks } from "./hub-side.ts";
import type { JetStreamApi, StreamInfo } from "./jetstream-api.ts";
import { moveOn, type MoveOptions } from "./move-on.ts";
import { searchStream } from "./search-stream.ts";

export interface ReconcileOptions extends MoveOptions {
  readonly store: Pick<SqliteStateStore, "outbox" | "mark" | "setMark" | "requeue">;
  /** Where a hub sources the stream. */
  readonly hub: Beside | undefined;
}

interface Beside {
  /** Which nats-server this is. */
  readonly server: string;
  /** What the hub has asked it for. */
  readonly asks: Asks;
  /** The highest number that the outbox had given when this began: what came before is sent again, in its order. */
  readonly lastOfBefore: number;
}

/** The stream as it is found, and which of its incarnations that is. */
interface Found {
  readonly incarnation: number;
  readonly info: StreamInfo | undefined;
}

/**
 * After each connect, before anything is sent: what the stream has and the outbox does not know of is looked up in the stream
 * (a kill of either may lie between, hours long: the server's duplicate window ends sooner), and what was acknowledged and is
 * not there any more is sent again. Returns what is known of the stream now.
 */
export async function reconcile(options: ReconcileOptions): Promise<StreamMark> {
  const { api, store, stream, storeBytes } = options;
  const before = store.mark(stream);
  if (before?.move !== undefined) return goOn(options, before, before.move);
  const { incarnation, info } = await find(api, stream, before?.incarnation ?? 1);
  const same = before?.incarnation === incarnation && info !== undefined && before.created === info.created;
  const last = info === undefined || (before !== undefined && !same) ? 0 : info.state.last_seq;
  let mark: StreamMark;
  if (before === undefined) mark = await begin(options, incarnation, info);
  else if (before.incarnation !== incarnation) {
    await leave(options, before);
    mark = { incarnation, created: info?.created ?? "", acked: 0, deleted: 0 };
  } else if (last >= before.acked && same) mark = before;
  else mark = await goOnLower(options, before, info, last);
  // Known before anything is sent: after a kill that is where the search begins.
  await store.setMark(stream, mark);
  const now = await api.streamInfo(incarnationName(stream, mark.incarnation));
  if (now === undefined) return mark;
  await fitDurable(api, stream, mark.incarnation, storeBytes, now);
  return besideHub(options, await searchStream(options, mark, now), now);
}

/** What a hub that sources the stream has of it is compared with what it can have. */
async function besideHub(
  options: ReconcileOptions,
  mark: StreamMark,
  { config, state }: StreamInfo,
): Promise<StreamMark> {
  const { api, store, stream, hub, log } = options;
  if (hub === undefined) return mark;
  const waiting = waitingOfBefore(options, hub.lastOfBefore);
  const at = (last: number) => ({ ...mark, hub: sideAt(mark.hub, hub.server, last, waiting) });
  const beside = at(state.last_seq);
  const { isSeen } = beside.hub;
  // As of now: what is heard later may be of later messages.
  const asks = new Map(isSeen ? hub.asks : await allAsks(options, hub.asks, mark.incarnation));
  let move = moveAway(beside, asks, state.last_seq);
  if (move !== undefined) {
    // Another gateway on this server may have stored meanwhile what the hub has taken over since.
    const { last_seq: last } = (await api.streamInfo(config.name))?.state ?? state;
    if (moveAway(at(last), asks, last) === undefined) move = undefined;
  }
  const known = move === undefined && asks.has(mark.incarnation) ? seen(beside) : { ...beside, move };
  const stored = await store.setMark(stream, known);
  if (move === undefined) return known;
  // Before anything is changed: a kill in the middle is gone on from there.
  if (stored !== "stored")
    throw new GatewayError("STORE_FULL", "The next incarnation is not opened while the disk refuses");
  log.error(
    {
      stream,
      hubHas: Object.fromEntries(asks),
      here: state.last_seq,
      next: incarnationName(stream, move.to),
    },
    "The hub has more of a stream than the gateway: the gateway's data was rolled back or replaced. The stream's next incarnation is opened with what the hub can't have: run linegate hub apply again",
  );
  return goOn(options, known, move);
}

/** At most: numbers are those of both streams. */
function waitingOfBefore({ store, stream }: ReconcileOptions, lastOfBefore: number): number {
  const first = store.outbox.read(stream, 0, 1)[0]?.n ?? Infinity;
  return Math.max(0, Math.min(store.outbox.backlog(stream).rows, lastOfBefore - first + 1));
}

/** With what the hub has asked for unheard. */
async function allAsks(
  { api, stream, log }: ReconcileOptions,
  heard: Asks,
  incarnation: number,
): Promise<Asks> {
  try {
    const ask = await askedBefore(api, stream, incarnation);
    return ask === undefined ? heard : new Map([[incarnation, ask.has], ...heard]);
  } catch (caught) {
    // As where the store has no room for it: what is heard is nearly always enough.
    log.debug(
      { stream, error: toGatewayError(caught).message },
      "What the hub has asked for can't be looked up",
    );
    return heard;
  }
}

async function goOn(options: ReconcileOptions, before: StreamMark, move: Move): Promise<StreamMark> {
  const mark = await moveOn(options, before, move);
  await options.store.setMark(options.stream, mark);
  return mark;
}

/** The newest there is, from the known one on. */
async function find(api: JetStreamApi, stream: StreamName, known: number): Promise<Found> {
  let found: Found = {
    incarnation: known,
    info: await api.streamInfo(incarnationName(stream, known)),
  };
  for (let next = known + 1; ; next += 1) {
    const info = await api.streamInfo(incarnationName(stream, next));
    if (info === undefined) return found;
    found = { incarnation: next, info };
  }
}

/** With no memory of the stream, all that is in it is somebody else's or of an outbox that is lost. */
async function begin(
  { api, stream, storeBytes }: ReconcileOptions,
  incarnation: number,
  info: StreamInfo | undefined,
): Promise<StreamMark> {
  const { created, state } = info ?? (await createDurable(api, stream, incarnation, storeBytes));
  return { incarnation, created, acked: state.last_seq, deleted: state.last_seq };
}

/**
 * Another gateway on the same server has opened the next incarnation: what the one before still holds stays there, and only
 * the rest goes into the new one.
 */
async function leave(options: ReconcileOptions, before: StreamMark): Promise<void> {
  const { api, store, stream, log } = options;
  const old = await api.streamInfo(incarnationName(stream, before.incarnation));
  const holds = old?.created === before.created ? old.state.last_seq : 0;
  if (old !== undefined && holds > before.acked) await searchStream(options, before, old);
  const again = store.requeue(stream, before.incarnation, holds);
  log.warn(
    { stream, before: before.incarnation, sentAgain: again },
    "Another gateway has opened the next incarnation",
  );
}

/** The stream came back with less than was acknowledged, or not at all. */
async function goOnLower(
  { api, store, stream, storeBytes, log }: ReconcileOptions,
  before: StreamMark,
  info: StreamInfo | undefined,
  last: number,
): Promise<StreamMark> {
  const again = store.requeue(stream, before.incarnation, last);
  const told = { stream, acknowledged: before.acked, found: last, sentAgain: again };
  if (info !== undefined && last >= before.deleted) {
    log.warn(
      told,
      "A stream came back from nats-server with less than it had: what is missing is sent again",
    );
    return { ...before, created: info.created, acked: last };
  }
  if (before.deleted === 0 && info === undefined) {
    const { created } = await createDurable(api, stream, before.incarnation, storeBytes);
    log.warn(told, "A stream is gone from nats-server: it is made anew, and what is kept of it sent again");
    return { ...before, created, acked: 0 };
  }
  // A hub that has more of this stream than the stream itself asks for what comes after that: it would miss the difference.
  const incarnation = before.incarnation + 1;
  if (info !== undefined) await closeDurable(api, info);
  const { created } = await createDurable(api, stream, incarnation, storeBytes);
  log.error(
    { ...told, next: incarnationName(stream, incarnation) },
    "A stream came back from nats-server with less than was known to be safe: its next incarnation is opened",
  );
  return { incarnation, created, acked: 0, deleted: 0 };
}

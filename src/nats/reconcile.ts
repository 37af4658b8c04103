import type { Log } from "../adapter-kit/log.ts";
import type { OutboxRow, StreamName } from "../store/outbox-row.ts";
import type { SqliteStateStore } from "../store/sqlite-state-store.ts";
import type { StreamMark } from "../store/stream-mark.ts";
import { closeDurable, createDurable, fitDurable, incarnationName } from "./durable-stream.ts";
import type { JetStreamApi, StreamInfo } from "./jetstream-api.ts";

/** Looks into the stream that are under way at once, and at most in all. */
const looksAtOnce = 32;
const mostLooks = 20_000;
const pageRows = 256;

export interface ReconcileOptions {
  readonly api: JetStreamApi;
  readonly store: Pick<SqliteStateStore, "outbox" | "mark" | "setMark" | "requeue">;
  readonly stream: StreamName;
  /** What JetStream may keep on disk in all. */
  readonly storeBytes: number;
  /** Whether what was acknowledged stays in the outbox for a while. */
  readonly keep: boolean;
  readonly log: Log;
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
  return search(options, mark, now);
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
  if (old !== undefined && holds > before.acked) await search(options, before, old);
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

/** Finds the outbox's messages among those that nobody heard of. */
async function search(
  { api, store, stream, keep, log }: ReconcileOptions,
  before: StreamMark,
  { config, state }: StreamInfo,
): Promise<StreamMark> {
  let mark = before;
  const from = Math.max(mark.acked + 1, state.first_seq, state.last_seq - mostLooks + 1);
  if (from > Math.max(mark.acked + 1, state.first_seq))
    log.warn(
      { stream, from, after: mark.acked },
      "So much is new in the stream that not all of it is looked through",
    );
  const found = new Map<string, number>();
  if (store.outbox.backlog(stream).rows > 0) {
    for (let seq = from; seq <= state.last_seq; seq += looksAtOnce) {
      const count = Math.min(looksAtOnce, state.last_seq - seq + 1);
      const looks = Array.from({ length: count }, (_, index) => api.message(config.name, seq + index));
      // A few at a time: that is what this loop is for.
      for (const message of await Promise.all(looks)) {
        const id = idIn(message?.hdrs);
        if (message !== undefined && id !== undefined) found.set(id, message.seq);
      }
    }
  }
  for (let page = rowsFrom(0); found.size > 0 && page.length > 0; page = rowsFrom(page.at(-1)?.n ?? 0)) {
    const there = page.flatMap(({ n, bytes, id }) => {
      const seq = found.get(id);
      return seq === undefined ? [] : [{ n, bytes, seq }];
    });
    // They went out in order: after a page without any there are none.
    if (there.length === 0) break;
    for (const ack of there) mark = store.outbox.settle(stream, ack, mark, keep);
  }
  return { ...mark, acked: Math.max(mark.acked, state.last_seq) };

  function rowsFrom(after: number): OutboxRow[] {
    return store.outbox.read(stream, after, pageRows);
  }
}

/** `Nats-Msg-Id` among a message's headers. */
function idIn(base64: string | undefined): string | undefined {
  if (base64 === undefined) return undefined;
  return /^Nats-Msg-Id: ?(.*?)\r$/m.exec(Buffer.from(base64, "base64").toString("latin1"))?.[1];
}

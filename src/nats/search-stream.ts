import type { Log } from "../adapter-kit/log.ts";
import type { OutboxRow, StreamName } from "../store/outbox-row.ts";
import type { SqliteStateStore } from "../store/sqlite-state-store.ts";
import type { StreamMark } from "../store/stream-mark.ts";
import { headerIn } from "./headers.ts";
import type { JetStreamApi, StreamInfo } from "./jetstream-api.ts";

/** Looks into the stream that are under way at once, and at most in all. */
const looksAtOnce = 32;
const mostLooks = 20_000;
const pageRows = 256;

export interface SearchOptions {
  readonly api: JetStreamApi;
  readonly store: Pick<SqliteStateStore, "outbox">;
  readonly stream: StreamName;
  /** Whether what was acknowledged stays in the outbox for a while. */
  readonly keep: boolean;
  readonly log: Log;
}

/** Finds the outbox's messages among those of the stream that nobody heard of. */
export async function searchStream(
  { api, store, stream, keep, log }: SearchOptions,
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
        const id = headerIn(message?.hdrs, "Nats-Msg-Id");
        if (message !== undefined && id !== undefined) found.set(id, message.seq);
      }
    }
  }
  for (let page = rowsFrom(0); found.size > 0 && page.length > 0; page = rowsFrom(page.at(-1)?.n ?? 0)) {
    const there = page.flatMap(({ n, bytes, isPromised, id }) => {
      const seq = found.get(id);
      return seq === undefined ? [] : [{ n, bytes, isPromised, seq }];
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

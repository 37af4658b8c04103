import type { Clock } from "../adapter-kit/clock.ts";
import { GatewayError } from "../domain/errors.ts";
import type { Move, StreamMark } from "../store/stream-mark.ts";
import { closeDurable, createDurable, incarnationName, openDurable } from "./durable-stream.ts";
import { headerIn } from "./headers.ts";
import type { StreamInfo } from "./jetstream-api.ts";
import { searchStream, type SearchOptions } from "./search-stream.ts";

const lookEveryMs = 50;
/** Longer than that, and it is looked at again with the next try. */
const mostLooks = 60;

export interface MoveOptions extends SearchOptions {
  readonly storeBytes: number;
  readonly clock: Clock;
}

/**
 * Opens the next incarnation with what the hub can't have of the old one: nats-server itself copies that, with its ids and in
 * order, and nobody who listens hears it again. Only then new messages go into it. Each step may be the last before a kill: the
 * next start does it again. Rejects with UPLINK_UNAVAILABLE while the copy is under way.
 */
export async function moveOn(options: MoveOptions, before: StreamMark, move: Move): Promise<StreamMark> {
  const { api, stream, storeBytes } = options;
  const old = await closed(options, incarnationName(stream, before.incarnation));
  const mark = old === undefined ? before : await searchStream(options, before, old);
  const { last_seq: last, first_seq: first } = old?.state ?? { last_seq: 0, first_seq: 1 };
  const from = Math.max(move.after + 1, first);
  const name = incarnationName(stream, move.to);
  const source = { name: incarnationName(stream, before.incarnation), opt_start_seq: from };
  const next =
    (await api.streamInfo(name)) ??
    (await createDurable(api, stream, move.to, storeBytes, from <= last ? source : undefined));
  if ((next.config.sources ?? []).length > 0) {
    await copied(options, name, last);
    await openDurable(api, stream, next);
  }
  const end = (await api.streamInfo(name))?.state.last_seq ?? 0;
  return {
    incarnation: move.to,
    created: next.created,
    acked: end,
    deleted: end,
    ...((mark.promised ?? 0) > move.after ? { promised: end } : {}),
    hub: mark.hub && { ...mark.hub, from: 0, upTo: end, isSeen: false },
  };
}

/** The old incarnation, which takes nothing more; undefined where it is gone. */
async function closed({ api }: MoveOptions, name: string): Promise<StreamInfo | undefined> {
  const info = await api.streamInfo(name);
  if (info === undefined) return undefined;
  await closeDurable(api, info);
  return api.streamInfo(name);
}

async function copied({ api, clock }: MoveOptions, name: string, last: number): Promise<void> {
  for (let look = 0; look < mostLooks; look += 1) {
    // Until it is all there: that is what this loop is for.
    const message = await api.lastMessage(name);
    if (placeAtSource(headerIn(message?.hdrs, "Nats-Stream-Source")) >= last) return;
    await clock.sleep(lookEveryMs);
  }
  throw new GatewayError("UPLINK_UNAVAILABLE", `What the hub does not have yet is being copied to ${name}`);
}

/** `BATCHES 123`; from 2.10 on with more behind it. */
function placeAtSource(source: string | undefined): number {
  return Number(source?.split(" ")[1] ?? 0);
}

import { incarnationName } from "./durable-stream.ts";
import { findAtHub, isMadeAnew, madeAs, readAtHub, type Place, type TakenPlace } from "./hub-place.ts";
import type { JetStreamApi, StoredMessage } from "./jetstream-api.ts";
import { nextLocal } from "./local-messages.ts";
import type { NatsLink } from "./link.ts";
import type { StreamName } from "../store/outbox-row.ts";

export interface PlaceOptions {
  readonly stream: StreamName;
  /** The gateway's intake at the hub. */
  readonly intake: string;
  readonly hub: JetStreamApi;
  readonly local: JetStreamApi;
  readonly link: Pick<NatsLink, "requestMessage">;
  /** Which incarnation of the stream is written to. */
  readonly incarnation: number;
  /** What was known before of what the hub has; undefined: nothing. */
  readonly known: TakenPlace | undefined;
}

/** Where forwarding goes on. */
export interface Resumed extends Place {
  /** The last place of the intake. */
  readonly expected: number;
  /** Which intake. */
  readonly of: string;
  /** True where the gateway's stream is not the one that the hub has the beginning of. */
  readonly isOther: boolean;
  /** True where the intake was made anew: nothing that went into the one before is there. */
  readonly isAnew: boolean;
}

/**
 * The last place of the gateway's stream that the hub has, asked of the hub itself, however long ago that was: no memory of
 * ids is relied on. Undefined where the hub has no intake for the gateway. Where the gateway's stream came back with less,
 * or with other messages, it is the last place up to which both are the same; where the intake was made anew, the beginning.
 */
export async function findPlace(options: PlaceOptions): Promise<Resumed | undefined> {
  const { intake, hub, link, stream, known } = options;
  const end = await endOf(hub, intake);
  if (end === undefined) return undefined;
  const { range, message, of } = end;
  const resumed = { expected: range.last, of, isOther: false, isAnew: false };
  if (isMadeAnew(known?.of, of)) return { ...resumed, incarnation: 1, seq: 0, isAnew: true };
  const there = message && readAtHub(message);
  if (there === undefined) {
    const { incarnation, seq } = known ?? { incarnation: 1, seq: 0 };
    return { ...resumed, incarnation, seq };
  }
  const name = incarnationName(stream, there.incarnation);
  const state = (await options.local.streamInfo(name))?.state;
  if (state === undefined) {
    const incarnation = Math.max(there.incarnation + 1, options.incarnation);
    return { ...resumed, incarnation, seq: 0, isOther: incarnation > options.incarnation };
  }
  const isSame = async (seq: number, id: string | undefined) => {
    const mine = await nextLocal(link, name, seq);
    return mine !== undefined && mine.seq === seq && mine.id === id;
  };
  const found = { ...resumed, incarnation: there.incarnation };
  // What the limits removed can't be compared; it is at the hub, or lost.
  if (state.first_seq > there.seq && state.last_seq >= there.seq) return { ...found, seq: there.seq };
  if (await isSame(there.seq, there.id)) return { ...found, seq: there.seq };
  let [low, high] = [state.first_seq, Math.min(state.last_seq, there.seq)];
  let agreed = state.first_seq - 1;
  while (low <= high) {
    const middle = Math.floor((low + high) / 2);
    // Each look halves what is left: that is what this loop is for.
    const at = await findAtHub(hub, intake, range, { incarnation: there.incarnation, seq: middle });
    if (at !== undefined && (await isSame(middle, at.id))) {
      agreed = middle;
      low = middle + 1;
    } else high = middle - 1;
  }
  return { ...found, seq: agreed, isOther: true };
}

interface End {
  readonly range: { readonly first: number; readonly last: number };
  readonly message: StoredMessage | undefined;
  readonly of: string;
}

/**
 * The last message of the intake with the place that it has there. Both in one look: what is still under way from an earlier connection may
 * arrive between two, and a message that is bound to the wrong place is refused while the next one is taken.
 */
async function endOf(hub: JetStreamApi, intake: string): Promise<End | undefined> {
  for (;;) {
    // Until nothing came between: that is what this loop is for.
    const info = await hub.streamInfo(intake);
    if (info === undefined) return undefined;
    const range = { first: info.state.first_seq, last: info.state.last_seq };
    const message = await hub.lastMessage(intake);
    if ((message?.seq ?? 0) <= range.last) return { range, message, of: madeAs(info) };
  }
}

/** A message of one stream on its way: its number in the outbox, and its size. */
export interface Item {
  readonly n: number;
  readonly bytes: number;
  /** It is announced only when it is surely on disk, perhaps after others with a later number. */
  readonly whenStored?: true | undefined;
}

/** What may be sent and not acknowledged at once; one message always may. */
export interface Window {
  readonly messages: number;
  readonly bytes: number;
}

/** The messages of one stream between the outbox and JetStream. Plain data: `laneAfter` and `nextToSend` decide, the publisher does. */
export interface Lane {
  /** False until it is known what the stream has. */
  readonly open: boolean;
  /** Grows each time it opens: what was refused before then is of no interest. */
  readonly generation: number;
  /** Sent and not acknowledged, in the order in which they were sent. */
  readonly flying: readonly Item[];
  /** Those of them that were refused. */
  readonly refused: ReadonlySet<number>;
  /** In order, not sent. */
  readonly waiting: readonly Item[];
  /** The last number that came into the lane; what comes after it is in the outbox alone. */
  readonly known: number;
  /** There is more in the outbox. */
  readonly more: boolean;
  /** After a refusal: nothing is sent for a while. */
  readonly paused: boolean;
  /** After a refusal one at a time is sent until nothing waits any more, so that none overtakes another. */
  readonly careful: boolean;
}

export type LaneInput =
  /** It is known what the stream has; the outbox is read from its beginning. */
  | { readonly kind: "opened" }
  /** The connection is gone, or the server does not answer. */
  | { readonly kind: "closed" }
  /** Just committed. */
  | { readonly kind: "committed"; readonly items: readonly Item[] }
  /** Read from the outbox, as asked for. */
  | { readonly kind: "page"; readonly items: readonly Item[]; readonly more: boolean }
  | { readonly kind: "sent"; readonly item: Item }
  /** The stream has it, or never will: either way it is done with. */
  | { readonly kind: "done"; readonly n: number }
  | { readonly kind: "refused"; readonly n: number; readonly generation: number }
  /** The pause is over. */
  | { readonly kind: "again" };

export const mostWaiting = 512;

export const newLane: Lane = {
  open: false,
  generation: 0,
  flying: [],
  refused: new Set(),
  waiting: [],
  known: 0,
  more: true,
  paused: false,
  careful: false,
};

export function laneAfter(lane: Lane, input: LaneInput): Lane {
  switch (input.kind) {
    case "opened":
      return { ...newLane, open: true, generation: lane.generation + 1 };
    case "closed":
      return { ...newLane, generation: lane.generation };
    case "committed":
      return lane.open ? join(late(lane, input.items), input.items, lane.more) : lane;
    case "page":
      return join({ ...lane, more: false }, input.items, input.more);
    case "sent":
      return { ...lane, waiting: lane.waiting.slice(1), flying: [...lane.flying, input.item] };
    case "done":
      return afterDone(lane, input.n);
    case "refused":
      if (input.generation !== lane.generation || !lane.flying.some(({ n }) => n === input.n)) return lane;
      return settleRefused({ ...lane, refused: new Set([...lane.refused, input.n]) });
    case "again":
      return { ...lane, paused: false };
  }
}

/** What may be sent now; undefined: nothing. */
export function nextToSend(
  { open, paused, refused, careful, flying, waiting }: Lane,
  window: Window,
): Item | undefined {
  if (!open || paused || refused.size > 0) return undefined;
  const [next] = waiting;
  if (next === undefined || flying.length === 0) return next;
  if (careful || flying.length >= window.messages) return undefined;
  const bytes = flying.reduce((sum, item) => sum + item.bytes, next.bytes);
  return bytes > window.bytes ? undefined : next;
}

/** From which number on the outbox is to be read; undefined: it need not be. */
export function readFrom({ open, more, waiting, known }: Lane): number | undefined {
  return open && more && waiting.length === 0 ? known : undefined;
}

/** What is announced after a later number, as where a sync of the disk failed, is in no page any more. */
function late(lane: Lane, items: readonly Item[]): Lane {
  const behind = items.filter(({ n, whenStored }) => whenStored === true && n <= lane.known);
  return behind.length === 0 ? lane : { ...lane, waiting: [...behind, ...lane.waiting] };
}

/** What does not fit is left in the outbox, and all after it. */
function join(lane: Lane, items: readonly Item[], more: boolean): Lane {
  if (lane.more) return lane;
  const fresh = items.filter(({ n }) => n > lane.known);
  const taken = fresh.slice(0, mostWaiting - lane.waiting.length);
  return {
    ...lane,
    waiting: [...lane.waiting, ...taken],
    known: taken.at(-1)?.n ?? lane.known,
    more: more || taken.length < fresh.length,
  };
}

function afterDone(lane: Lane, n: number): Lane {
  const without = (items: readonly Item[]) => items.filter((item) => item.n !== n);
  const flying = without(lane.flying);
  // Acknowledged late, when it was about to be sent again.
  const waiting = flying.length === lane.flying.length ? without(lane.waiting) : lane.waiting;
  const refused = lane.refused.has(n)
    ? new Set([...lane.refused].filter((other) => other !== n))
    : lane.refused;
  const isIdle = flying.length === 0 && waiting.length === 0 && !lane.more;
  return settleRefused({ ...lane, flying, waiting, refused, careful: lane.careful && !isIdle });
}

/** When nothing is open any more, those refused go first again. */
function settleRefused(lane: Lane): Lane {
  if (lane.refused.size === 0 || lane.flying.some(({ n }) => !lane.refused.has(n))) return lane;
  return {
    ...lane,
    flying: [],
    refused: new Set(),
    waiting: [...lane.flying, ...lane.waiting],
    paused: true,
    careful: true,
  };
}

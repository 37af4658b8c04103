import type { Clock } from "../adapter-kit/clock.ts";
import { isMadeAnew, type Place, type TakenPlace } from "./hub-place.ts";
import type { Taken } from "./hub-taken.ts";
import { streamNames, type StreamName } from "../store/outbox-row.ts";
import type { StateStore } from "../store/state-store.ts";

/** In the state store: a key a stream. */
const scope = "hub";
/** At most so often, beside each time the hub goes away: flash wears out. */
const keepEveryMs = 60_000;

/** Up to where the hub has a stream, or JetStream dropped it. */
export interface Position extends TakenPlace {
  /** The hub itself said so; else it was connected, and nothing more is known. */
  readonly isKnown: boolean;
  /** Up to where JetStream has dropped it, and that is judged; absent in a state of an earlier version. */
  readonly dropped?: number;
}

/** What a look at a stream found. */
export interface Found {
  readonly incarnation: number;
  readonly first: number;
  readonly last: number;
  /** What the hub says now. */
  readonly taken: Taken | undefined;
  readonly linked: boolean;
}

/** Up to where the hub has each stream: kept over restarts, for while the hub is away nobody can say. */
export class HubPositions {
  readonly #store: Pick<StateStore, "read" | "change">;
  readonly #clock: Clock;
  readonly #positions = new Map<StreamName, Position>();
  readonly #lost: Record<StreamName, number> = { EVENTS: 0, BATCHES: 0 };
  /** Where each stream ended at the last look, if the hub was connected then. */
  readonly #linked = new Map<StreamName, Place>();
  readonly #kept = new Map<StreamName, string>();
  #keptAt = -Infinity;

  constructor(store: Pick<StateStore, "read" | "change">, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  load(): void {
    for (const [key, value] of this.#store.read(scope)) {
      const stream = streamNames.find((name) => name === key);
      const position = readPosition(value);
      if (stream === undefined || position === undefined) continue;
      this.#positions.set(stream, position);
      this.#kept.set(stream, value);
    }
  }

  /** What the hub itself has said. */
  known(stream: StreamName): TakenPlace | undefined {
    const position = this.#positions.get(stream);
    return position?.isKnown === true ? position : undefined;
  }

  /** As of the last look, in that incarnation of the stream. */
  of(stream: StreamName, incarnation: number): Position {
    const position = this.#positions.get(stream);
    return position?.incarnation === incarnation ? position : { incarnation, seq: 0, isKnown: false };
  }

  /** Messages that JetStream dropped before the hub had them, since the start. */
  lost(stream: StreamName): number {
    return this.#lost[stream];
  }

  /** Takes a look over. Returns up to where the hub has it, and how many were found to be lost. */
  follow(
    stream: StreamName,
    { incarnation, first, last, taken, linked }: Found,
  ): Position & { readonly lost: number } {
    const before = this.#positions.get(stream);
    const isSame = before?.incarnation === incarnation && before.seq <= last;
    // What a stream has dropped before anybody waited for a hub is history; the next incarnation begins with its first message.
    const gone = Math.max(0, first - 1);
    const begun = before !== undefined && before.incarnation < incarnation ? 0 : gone;
    const known: Position = isSame ? before : { incarnation, seq: begun, isKnown: false };
    let { seq, isKnown } = known;
    const earlier = this.#linked.get(stream);
    if (taken !== undefined) {
      // What was taken for granted until now is not, and what a hub had in a stream that is gone it has no more.
      const stays = isKnown && !isMadeAnew(known.of, taken.of);
      seq = Math.max(stays ? seq : (known.dropped ?? 0), Math.min(taken.seq, last));
      isKnown = true;
    } else if (linked && !isKnown && earlier?.incarnation === incarnation) {
      // A hub that does not say what it has takes what there is within seconds.
      seq = Math.max(seq, Math.min(earlier.seq, last));
    }
    if (linked) this.#linked.set(stream, { incarnation, seq: last });
    else this.#linked.delete(stream);
    const lost = Math.max(0, gone - seq);
    this.#lost[stream] += lost;
    const of = taken?.of ?? known.of;
    const position = { incarnation, seq: Math.max(seq, gone), isKnown, dropped: gone, of };
    this.#positions.set(stream, position);
    return { ...position, lost };
  }

  /** Stores what has changed, where it is time or `now`. */
  async keep(now: boolean): Promise<void> {
    const at = this.#clock.monotonic();
    if (!now && at - this.#keptAt < keepEveryMs) return;
    const changes = [...this.#positions]
      .map(([key, position]) => ({ scope, key, value: JSON.stringify(position) }))
      .filter(({ key, value }) => this.#kept.get(key) !== value);
    if (changes.length === 0) return;
    this.#keptAt = at;
    for (const { key, value } of changes) this.#kept.set(key, value);
    await this.#store.change(changes);
  }
}

function readPosition(json: string): Position | undefined {
  try {
    return JSON.parse(json) as Position;
  } catch {
    return undefined;
  }
}

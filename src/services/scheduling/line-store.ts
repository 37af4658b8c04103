import type { Clock } from "../../adapter-kit/clock.ts";
import type { Log } from "../../adapter-kit/log.ts";
import type { StateChange, StateStore } from "../../store/state-store.ts";
import { decodeStation, encodeStation, type StationState } from "./state.ts";

/** What is in the store of the line: a key a station. */
const lineScope = "line";

type Stations = ReadonlyMap<string, StationState>;

export interface LineStoreOptions {
  readonly store: StateStore;
  /** As they are now. */
  readonly stations: () => Stations;
  /** Has a stop wait for it. */
  readonly track: (work: Promise<void>) => Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Knows what of the line is not stored yet, and brings it to the store: with its events, or a little later, as flash wears out. */
export class LineStore {
  readonly #options: LineStoreOptions;
  /** As the store has them, or is about to. */
  #stored: Stations = new Map();
  /** When what is not stored yet is to be, by the monotonic clock. */
  #due = Infinity;
  /** The waits for that which are under way, by their length. */
  readonly #waits = new Set<number>();
  readonly #stopping = new AbortController();

  constructor(options: LineStoreOptions) {
    this.#options = options;
  }

  /** The stations as they were left. */
  read(): Stations {
    const { store, log } = this.#options;
    const stored = new Map<string, StationState>();
    for (const [station, json] of store.read(lineScope)) {
      const state = decodeStation(json);
      if (state !== undefined) stored.set(station, state);
      else log.error({ station }, "what the store holds of this station can't be read; it begins anew");
    }
    this.#stored = stored;
    return stored;
  }

  /** Takes what the store does not have yet: the caller stores it. */
  take(): readonly StateChange[] {
    this.#due = Infinity;
    const before = this.#stored;
    const after = this.#options.stations();
    this.#stored = after;
    const changed = [...after].filter(([key, state]) => before.get(key) !== state);
    const gone = [...before.keys()].filter((station) => !after.has(station));
    return [
      ...changed.map(([key, state]) => ({ scope: lineScope, key, value: encodeStation(state) })),
      ...gone.map((key) => ({ scope: lineScope, key, value: null })),
    ];
  }

  /** It goes to the store with the next decision, or within this time. */
  soon(withinMs: number): void {
    this.#due = Math.min(this.#due, this.#options.clock.monotonic() + withinMs);
    this.#wait(withinMs, withinMs);
  }

  /** What is waited for is stored at once. */
  stop(): void {
    this.#stopping.abort();
  }

  #wait(withinMs: number, waitMs: number): void {
    const { clock, store, track } = this.#options;
    if (this.#waits.has(withinMs)) return;
    this.#waits.add(withinMs);
    const pause = clock.sleep(waitMs, this.#stopping.signal).catch(() => undefined);
    void track(
      pause.then(() => {
        this.#waits.delete(withinMs);
        if (this.#due === Infinity) return;
        const left = this.#due - clock.monotonic();
        if (left <= 0 || this.#stopping.signal.aborted) store.note(this.take());
        else this.#wait(withinMs, left);
      }),
    );
  }
}

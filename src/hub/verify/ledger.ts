import { GatewayError } from "../../domain/errors.ts";
import type { MessageIdentity } from "./message-identity.ts";
import { NumberSet, type Range } from "./number-set.ts";

/** Names come from messages: a hub full of garbage must not take all memory. */
const mostSequences = 20_000;
const mostRangesShown = 20;

/** What the hub holds of one stream of one gateway. */
export interface StreamReport {
  readonly gateway: string;
  /** The batch stream's name, or `EVENTS`. */
  readonly stream: string;
  /** Batches, or the messages of EVENTS. */
  readonly batches: number;
  readonly first: number;
  readonly last: number;
  /** Missing between the first and the last; null where the messages don't tell. */
  readonly gaps: number | null;
  /** The first of the missing numbers, such as `12` or `15-20`. */
  readonly missing: readonly string[];
  readonly duplicates: number;
  readonly reorderings: number;
}

/** One sequence of numbers that grow by one: of a batch stream, or of the events of one run. */
class Sequence {
  readonly seen = new NumberSet();
  duplicates = 0;
  reorderings = 0;
  count = 0;

  take(number: number): void {
    this.count += 1;
    const isBehind = number < this.seen.most;
    if (!this.seen.add(number)) this.duplicates += 1;
    else if (isBehind) this.reorderings += 1;
  }
}

/** All numbers of one gateway's outbox, over both streams. */
interface Outbox {
  readonly seen: NumberSet;
  firstBatch: number;
  lastBatch: number;
  /** Batches that don't say their number: what is missing can't be told from them. */
  unnumberedBatches: number;
  firstEvent: number;
  lastEvent: number;
}

/** What must be known of the hub's streams to judge the events of a gateway. */
export interface Coverage {
  /** Whether a stream has lost its first messages to its limits. */
  readonly trimmed: { readonly batches: boolean; readonly events: boolean };
  /** Whether all that the gateway's EVENTS hold has been taken over. */
  eventsUpToDate(gateway: string): boolean;
}

/** Follows the numbers of every gateway's messages: a bit or two for each message, whatever their number. */
export class Ledger {
  /** By gateway, stream and epoch (of EVENTS: run). */
  readonly #sequences = new Map<string, Map<string, Map<string, Sequence>>>();
  readonly #outboxes = new Map<string, Map<string, Outbox>>();
  #count = 0;

  /** One message of BATCHES, in the order of the stream; all of them come before those of EVENTS. */
  takeBatch({ gateway, epoch, number, batch }: MessageIdentity): void {
    const outbox = this.#outbox(gateway, epoch);
    if (number === undefined) outbox.unnumberedBatches += 1;
    else {
      outbox.seen.add(number);
      outbox.firstBatch = Math.min(outbox.firstBatch, number);
      outbox.lastBatch = Math.max(outbox.lastBatch, number);
    }
    const shown = batch?.number ?? number;
    if (shown !== undefined) this.#sequence(gateway, batch?.stream ?? "BATCHES", epoch).take(shown);
  }

  /** One message of EVENTS, in the order of the stream. */
  takeEvent({ gateway, epoch, run, number }: MessageIdentity): void {
    if (number === undefined) return;
    const outbox = this.#outbox(gateway, epoch);
    outbox.seen.add(number);
    outbox.firstEvent = Math.min(outbox.firstEvent, number);
    outbox.lastEvent = Math.max(outbox.lastEvent, number);
    this.#sequence(gateway, "EVENTS", `${epoch}-${run}`).take(number);
  }

  reports(coverage: Coverage): StreamReport[] {
    return [...this.#sequences].flatMap(([gateway, streams]) =>
      [...streams].map(([stream, byEpoch]) =>
        stream === "EVENTS"
          ? this.#events(gateway, [...byEpoch.values()], coverage)
          : report(gateway, stream, [...byEpoch.values()], summary([...byEpoch.values()].map(ownGaps))),
      ),
    );
  }

  /** Numbers are shared with the batches: what is in neither stream, and is no missing batch, is a missing event. */
  #events(gateway: string, runs: readonly Sequence[], coverage: Coverage): StreamReport {
    const outboxes = [...(this.#outboxes.get(gateway)?.values() ?? [])];
    const numbered = outboxes.every(({ unnumberedBatches }) => unnumberedBatches === 0);
    if (!numbered) return report(gateway, "EVENTS", runs, undefined);
    const missing = outboxes.map((outbox) => {
      const from = Math.max(
        coverage.trimmed.batches ? outbox.firstBatch : outbox.seen.least,
        coverage.trimmed.events ? outbox.firstEvent : outbox.seen.least,
      );
      // Events go ahead of batches: those before the last batch are there, unless they are still on their way.
      const upToDate = coverage.eventsUpToDate(gateway) ? outbox.lastBatch : outbox.lastEvent;
      const to = Math.max(Math.min(upToDate, outbox.lastBatch), outbox.lastBatch < 0 ? outbox.lastEvent : 0);
      return from <= to ? outbox.seen.gaps(from, to) : [];
    });
    const batchGaps = [...(this.#sequences.get(gateway) ?? [])]
      .filter(([stream]) => stream !== "EVENTS")
      .flatMap(([, byEpoch]) => [...byEpoch.values()].map(ownGaps));
    const { total, shown } = summary(missing);
    const lost = Math.max(0, total - summary(batchGaps).total);
    return report(gateway, "EVENTS", runs, { total: lost, shown: lost === 0 ? [] : shown });
  }

  #sequence(gateway: string, stream: string, epoch: string): Sequence {
    const streams = entry(this.#sequences, gateway, () => new Map<string, Map<string, Sequence>>());
    const epochs = entry(streams, stream, () => new Map<string, Sequence>());
    return entry(epochs, epoch, () => this.#counted(new Sequence()));
  }

  #outbox(gateway: string, epoch: string): Outbox {
    const epochs = entry(this.#outboxes, gateway, () => new Map<string, Outbox>());
    return entry(epochs, epoch, () =>
      this.#counted({
        seen: new NumberSet(),
        firstBatch: Infinity,
        lastBatch: -1,
        unnumberedBatches: 0,
        firstEvent: Infinity,
        lastEvent: -1,
      }),
    );
  }

  #counted<T>(made: T): T {
    this.#count += 1;
    if (this.#count <= mostSequences) return made;
    throw new GatewayError(
      "PROTOCOL_VIOLATION",
      `The hub's messages name more than ${mostSequences} gateways, streams and epochs: they are not those of gateways.`,
    );
  }
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

/** How many numbers are missing, and which are the first. */
interface Missing {
  readonly total: number;
  readonly shown: readonly string[];
}

function ownGaps({ seen }: Sequence): Iterable<Range> {
  return seen.gaps(seen.least, seen.most);
}

function summary(gaps: readonly Iterable<Range>[]): Missing {
  const shown: string[] = [];
  let total = 0;
  for (const ranges of gaps) {
    for (const [from, to] of ranges) {
      total += to - from + 1;
      if (shown.length < mostRangesShown) shown.push(from === to ? String(from) : `${from}-${to}`);
    }
  }
  return { total, shown };
}

/** `missing` undefined: nobody can tell. */
function report(
  gateway: string,
  stream: string,
  sequences: readonly Sequence[],
  missing: Missing | undefined,
): StreamReport {
  const sum = (pick: (sequence: Sequence) => number) =>
    sequences.reduce((found, sequence) => found + pick(sequence), 0);
  return {
    gateway,
    stream,
    batches: sum(({ count }) => count),
    first: sequences[0]?.seen.least ?? 0,
    last: sequences.at(-1)?.seen.most ?? 0,
    gaps: missing?.total ?? null,
    missing: missing?.shown ?? [],
    duplicates: sum(({ duplicates }) => duplicates),
    reorderings: sum(({ reorderings }) => reorderings),
  };
}

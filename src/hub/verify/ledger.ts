import { GatewayError } from "../../domain/errors.ts";
import type { MessageIdentity } from "./message-identity.ts";
import type { Range } from "./number-set.ts";
import { Numbering } from "./numbering.ts";

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
  /** Missing up to the last; null where the messages don't tell. */
  readonly gaps: number | null;
  /** The first of the missing numbers, such as `12` or `15-20`. */
  readonly missing: readonly string[];
  readonly duplicates: number;
  readonly reorderings: number;
}

/** All numbers of one gateway's outbox, over both streams. */
interface Outbox {
  readonly seen: Numbering;
  /** Its first number, which is not 1 where it began with what was taken over from a damaged file. */
  begin: number;
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
  /** What is missing before the first message of each epoch is none of the hub's business: it came later. */
  readonly fromFirst: boolean;
  /** Whether all that the gateway's EVENTS hold has been taken over. */
  eventsUpToDate(gateway: string): boolean;
}

/** Follows the numbers of every gateway's messages: a bit or two for each message, whatever their number. */
export class Ledger {
  /** By gateway, stream and epoch. */
  readonly #sequences = new Map<string, Map<string, Map<string, Numbering>>>();
  readonly #outboxes = new Map<string, Map<string, Outbox>>();
  #count = 0;

  /** One message of BATCHES, in the order of the stream; all of them come before those of EVENTS. */
  takeBatch({ gateway, epoch, run, number, begin, batch }: MessageIdentity): void {
    const outbox = this.#outbox(gateway, epoch, begin);
    if (number === undefined) outbox.unnumberedBatches += 1;
    else {
      outbox.seen.take(run, number);
      outbox.firstBatch = Math.min(outbox.firstBatch, number);
      outbox.lastBatch = Math.max(outbox.lastBatch, number);
    }
    const shown = batch?.number ?? number;
    if (shown !== undefined) this.#sequence(gateway, batch?.stream ?? "BATCHES", epoch).take(run, shown);
  }

  /** One message of EVENTS, in the order of the stream. */
  takeEvent({ gateway, epoch, run, number, begin }: MessageIdentity): void {
    if (number === undefined) return;
    const outbox = this.#outbox(gateway, epoch, begin);
    outbox.seen.take(run, number);
    outbox.firstEvent = Math.min(outbox.firstEvent, number);
    outbox.lastEvent = Math.max(outbox.lastEvent, number);
    this.#sequence(gateway, "EVENTS", epoch).take(run, number);
  }

  reports(coverage: Coverage): StreamReport[] {
    return [...this.#sequences].flatMap(([gateway, streams]) =>
      [...streams].map(([stream, byEpoch]) =>
        stream === "EVENTS"
          ? this.#events(gateway, [...byEpoch.values()], coverage)
          : report(gateway, stream, [...byEpoch.values()], this.#batchGaps([...byEpoch.values()], coverage)),
      ),
    );
  }

  /** Numbers are shared with the batches: what is in neither stream, and is no missing batch, is a missing event. */
  #events(gateway: string, runs: readonly Numbering[], coverage: Coverage): StreamReport {
    const outboxes = [...(this.#outboxes.get(gateway)?.values() ?? [])];
    const numbered = outboxes.every(({ unnumberedBatches }) => unnumberedBatches === 0);
    if (!numbered) return report(gateway, "EVENTS", runs, undefined);
    const missing = outboxes.map((outbox) => {
      const begin = coverage.fromFirst ? outbox.seen.least : outbox.begin;
      const from = Math.max(
        coverage.trimmed.batches ? outbox.firstBatch : begin,
        coverage.trimmed.events ? outbox.firstEvent : begin,
      );
      // Events go ahead of batches: those before the last batch are there, unless they are still on their way.
      const upToDate = coverage.eventsUpToDate(gateway) ? outbox.lastBatch : outbox.lastEvent;
      const to = Math.max(Math.min(upToDate, outbox.lastBatch), outbox.lastBatch < 0 ? outbox.lastEvent : 0);
      return from <= to ? outbox.seen.missing(from, to) : [];
    });
    const batches = [...(this.#sequences.get(gateway) ?? [])]
      .filter(([stream]) => stream !== "EVENTS")
      .flatMap(([, byEpoch]) => [...byEpoch.values()]);
    const { total, shown } = summary(missing);
    const lost = Math.max(0, total - this.#batchGaps(batches, coverage).total);
    return report(gateway, "EVENTS", runs, { total: lost, shown: lost === 0 ? [] : shown });
  }

  /** Batches are counted from 1 in each epoch. */
  #batchGaps(epochs: readonly Numbering[], { trimmed, fromFirst }: Coverage): Missing {
    return summary(
      epochs.map((epoch) => epoch.missing(trimmed.batches || fromFirst ? epoch.least : 1, epoch.most)),
    );
  }

  #sequence(gateway: string, stream: string, epoch: string): Numbering {
    const streams = entry(this.#sequences, gateway, () => new Map<string, Map<string, Numbering>>());
    const epochs = entry(streams, stream, () => new Map<string, Numbering>());
    return entry(epochs, epoch, () => this.#counted(new Numbering()));
  }

  #outbox(gateway: string, epoch: string, begin: number | undefined): Outbox {
    const epochs = entry(this.#outboxes, gateway, () => new Map<string, Outbox>());
    const outbox = entry(epochs, epoch, () =>
      this.#counted({
        seen: new Numbering(),
        begin: 1,
        firstBatch: Infinity,
        lastBatch: -1,
        unnumberedBatches: 0,
        firstEvent: Infinity,
        lastEvent: -1,
      }),
    );
    outbox.begin = begin ?? outbox.begin;
    return outbox;
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

function summary(gaps: readonly Iterable<Range>[]): Missing {
  const shown: Range[] = [];
  let total = 0;
  for (const ranges of gaps) {
    for (const range of ranges) {
      total += range[1] - range[0] + 1;
      if (shown.length < mostRangesShown) shown.push(range);
    }
  }
  const ordered = shown.toSorted(([one], [other]) => one - other);
  return { total, shown: ordered.map(([from, to]) => (from === to ? String(from) : `${from}-${to}`)) };
}

/** `missing` undefined: nobody can tell. */
function report(
  gateway: string,
  stream: string,
  sequences: readonly Numbering[],
  missing: Missing | undefined,
): StreamReport {
  const sum = (pick: (sequence: Numbering) => number) =>
    sequences.reduce((found, sequence) => found + pick(sequence), 0);
  return {
    gateway,
    stream,
    batches: sum(({ count }) => count),
    first: sequences[0]?.least ?? 0,
    last: sequences.at(-1)?.most ?? 0,
    gaps: missing?.total ?? null,
    missing: missing?.shown ?? [],
    duplicates: sum(({ duplicates }) => duplicates),
    reorderings: sum(({ reorderings }) => reorderings),
  };
}

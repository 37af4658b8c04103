import { breachOf, genesis, readEntry, type ChainHead } from "./audit-entry.ts";
import { segmentKind, type AuditMarks } from "./audit-segment.ts";
import { addedAfter } from "./recover-chain.ts";

/** One file of the trail. */
export interface SegmentText {
  readonly number: number;
  readonly name: string;
  readonly text: string;
}

/** The first line of the trail that is not what was recorded. */
export interface Breach {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly problem: string;
}

export interface ChainReport {
  readonly entries: number;
  readonly segments: number;
  /** Undefined where the chain is whole. */
  readonly breach?: Breach | undefined;
  /** What could not be judged, or is no breach and yet worth knowing. */
  readonly notes: readonly string[];
}

/**
 * Follows the chain from the oldest segment to the newest, one in memory at a time, and stops at the first line that was
 * changed, removed, added or moved. The marks of the state store show a cut end and a missing beginning.
 */
export async function verifyChain(
  segments: AsyncIterable<SegmentText> | Iterable<SegmentText>,
  marks: AuditMarks,
): Promise<ChainReport> {
  const walk = new ChainWalk(marks);
  for await (const segment of segments) {
    const breach = walk.take(segment);
    if (breach !== undefined) return walk.report(breach);
  }
  return walk.report(walk.end());
}

class ChainWalk {
  readonly #marks: AuditMarks;
  readonly #notes: string[] = [];
  #at: ChainHead | undefined;
  #place = { file: "audit", line: 1 };
  #entries = 0;
  #segments = 0;
  #headSeen = false;
  /** The first entry beyond the head. */
  #afterHead: { readonly file: string; readonly line: number } | undefined;

  constructor(marks: AuditMarks) {
    this.#marks = marks;
  }

  report(breach: Breach | undefined): ChainReport {
    return { entries: this.#entries, segments: this.#segments, breach, notes: this.#notes };
  }

  take({ number, name, text }: SegmentText): Breach | undefined {
    this.#segments += 1;
    const lines = text.split("\n");
    // After a kill or a power cut the last line of a segment may be half written: the next segment goes on before it.
    const torn = lines.pop();
    if (torn !== undefined && torn !== "")
      this.#notes.push(`${name}: its last line is incomplete, and no entry`);
    for (const [index, line] of lines.entries()) {
      this.#place = { file: name, line: index + 1 };
      const entry = readEntry(line);
      if (entry === undefined) return this.#breach("this line is no entry of the audit");
      const { fields, claims } = entry;
      if (index === 0) {
        if (fields["kind"] !== segmentKind || fields["segment"] !== number)
          return this.#breach("the segment does not begin with its own first entry");
        const wrong = this.#begin(number, fields["previous"], claims.sequence);
        if (wrong !== undefined) return this.#breach(wrong);
      } else if (fields["kind"] === segmentKind) return this.#breach("a segment begins within another");
      const before = this.#at ?? genesis;
      const wrong = breachOf(entry, before) ?? this.#againstHead(claims);
      if (wrong !== undefined) return this.#breach(wrong);
      this.#at = claims;
      this.#entries += 1;
    }
    return undefined;
  }

  /** What only shows at the end of all: that there is less than there was, or more. */
  end(): Breach | undefined {
    const { head } = this.#marks;
    if (head === undefined) {
      if (this.#entries > 0)
        this.#notes.push("the state store knows no head: entries cut off at the end would not show");
      return undefined;
    }
    if (this.#headSeen) return this.#beyond(head);
    const last = this.#at?.sequence ?? 0;
    return this.#breach(
      `entries ${last + 1} to ${head.sequence} are missing: they were cut off at the end`,
      1,
    );
  }

  /** After a stop there is nothing; a kill leaves what was written since the store heard of it, which cannot be told from a forgery. */
  #beyond(head: NonNullable<AuditMarks["head"]>): Breach | undefined {
    const at = this.#at;
    const place = this.#afterHead;
    if (at === undefined || place === undefined) return undefined;
    if (head.closed === true) return { ...place, problem: addedAfter(head, at) };
    this.#notes.push(
      `${place.file}:${place.line}: entries ${head.sequence + 1} to ${at.sequence} came after the last that the state store knows: written by a gateway that runs, or was killed, or by somebody else; this can't be told here, see audit.> on NATS`,
    );
    return undefined;
  }

  #breach(problem: string, after = 0): Breach {
    return { file: this.#place.file, line: this.#place.line + after, problem };
  }

  #begin(number: number, previous: unknown, sequence: number): string | undefined {
    const { anchor } = this.#marks;
    if (anchor?.segment === number) {
      if (previous !== anchor.hash || sequence !== anchor.sequence + 1)
        return "the oldest segment does not go on from where retention left the chain";
    }
    const at = this.#at;
    if (at !== undefined) {
      return previous === at.hash && sequence === at.sequence + 1
        ? undefined
        : `the entries between ${at.sequence} and ${sequence} were cut off or changed: this segment goes on from others`;
    }
    if (anchor === undefined && (previous !== genesis.hash || sequence !== 1)) {
      const missing = `the segments before it are missing: it begins with entry ${sequence}`;
      if (this.#marks.head !== undefined) return missing;
      this.#notes.push(missing);
    }
    if (anchor !== undefined && number > anchor.segment) return "the segments before it are missing";
    if (typeof previous !== "string") return "the segment does not say what it goes on from";
    this.#at = { sequence: sequence - 1, hash: previous };
    return undefined;
  }

  #againstHead({ sequence, hash }: ChainHead): string | undefined {
    const { head } = this.#marks;
    if (this.#headSeen) this.#afterHead ??= this.#place;
    if (head?.sequence !== sequence) return undefined;
    this.#headSeen = true;
    return head.hash === hash ? undefined : `entry ${sequence} is not the one that the state store knows`;
  }
}

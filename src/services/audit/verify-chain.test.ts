import * as fc from "fast-check";
import { expect, test } from "vitest";
import { genesis, sealEntry, type ChainHead } from "./audit-entry.ts";
import { segmentName, type AuditMarks } from "./audit-segment.ts";
import { recoverChain } from "./recover-chain.ts";
import { verifyChain, type SegmentText } from "./verify-chain.ts";

interface Trail {
  readonly segments: SegmentText[];
  readonly head: ChainHead & { readonly segment: number };
}

/** A trail of segments with so many entries each, from a chain's end on. */
function trailOf(sizes: readonly number[], from: ChainHead = genesis, firstSegment = 1): Trail {
  let head = from;
  const segments = sizes.map((size, index): SegmentText => {
    const number = firstSegment + index;
    const lines = [{ kind: "segment", segment: number, previous: head.hash }, ...writes(size)].map(
      (fields) => {
        const sealed = sealEntry({ timestamp: 1_795_370_000_000, ...fields }, head);
        head = sealed.head;
        return `${sealed.line}\n`;
      },
    );
    return { number, name: segmentName(number), text: lines.join("") };
  });
  return { segments, head: { ...head, segment: firstSegment + sizes.length - 1 } };
}

const writes = (size: number) =>
  Array.from({ length: size }, (_, index) => ({
    kind: "write",
    tag: "press-1/motor/setpoint",
    value: index % 3,
    ok: true,
  }));

const sizes = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 });
const linesOf = ({ segments }: Trail) =>
  segments.flatMap(({ text }, segment) =>
    text
      .split("\n")
      .slice(0, -1)
      .map((line, index) => ({ segment, index, line })),
  );

function withLines(
  trail: Trail,
  change: (lines: { segment: number; line: string }[]) => void,
): SegmentText[] {
  const lines = linesOf(trail).map(({ segment, line }) => ({ segment, line }));
  change(lines);
  return trail.segments.map((one, segment) => ({
    ...one,
    text: lines
      .filter((line) => line.segment === segment)
      .map(({ line }) => `${line}\n`)
      .join(""),
  }));
}

const breachIn = async (segments: readonly SegmentText[], marks: AuditMarks) =>
  (await verifyChain(segments, marks)).breach;

test("a trail as it was written is whole", async () => {
  await fc.assert(
    fc.asyncProperty(sizes, async (entries) => {
      const trail = trailOf(entries);
      const report = await verifyChain(trail.segments, { head: trail.head });
      expect(report).toMatchObject({ entries: linesOf(trail).length, segments: entries.length, notes: [] });
      expect(report.breach).toBeUndefined();
    }),
  );
});

test("any line that was removed, wherever it stood, is found", async () => {
  await fc.assert(
    fc.asyncProperty(sizes, fc.nat(), async (entries, at) => {
      const trail = trailOf(entries);
      const cut = withLines(trail, (lines) => void lines.splice(at % lines.length, 1));
      expect(await breachIn(cut, { head: trail.head })).toBeDefined();
    }),
  );
});

test("any character that was changed, wherever it stood, is found, in that line at the latest", async () => {
  await fc.assert(
    fc.asyncProperty(sizes, fc.nat(), fc.nat(), async (entries, which, where) => {
      const trail = trailOf(entries);
      const all = linesOf(trail);
      const at = which % all.length;
      const { segment, index } = all[at] ?? { segment: 0, index: 0 };
      const changed = withLines(trail, (lines) => {
        const { line } = lines[at] ?? { line: "" };
        const character = where % line.length;
        const other = line[character] === "7" ? "3" : "7";
        lines[at] = { segment, line: line.slice(0, character) + other + line.slice(character + 1) };
      });
      expect(await breachIn(changed, { head: trail.head })).toMatchObject({
        file: segmentName(segment + 1),
        line: index + 1,
      });
    }),
  );
});

test("two lines that changed places are found", async () => {
  await fc.assert(
    fc.asyncProperty(sizes, fc.nat(), fc.nat(), async (entries, one, other) => {
      const trail = trailOf(entries);
      const count = linesOf(trail).length;
      const [first, second] = [one % count, other % count];
      fc.pre(first !== second);
      const swapped = withLines(trail, (lines) => {
        const [left, right] = [lines[first], lines[second]];
        if (left === undefined || right === undefined) return;
        lines[first] = { segment: left.segment, line: right.line };
        lines[second] = { segment: right.segment, line: left.line };
      });
      expect(await breachIn(swapped, { head: trail.head })).toBeDefined();
    }),
  );
});

test("a segment that was cut short at any byte is found, at the end of the trail too", async () => {
  await fc.assert(
    fc.asyncProperty(sizes, fc.nat(), fc.nat(), async (entries, which, where) => {
      const trail = trailOf(entries);
      const at = which % trail.segments.length;
      const cut = trail.segments.map((one, index) =>
        index === at ? { ...one, text: one.text.slice(0, where % one.text.length) } : one,
      );
      expect(await breachIn(cut, { head: trail.head })).toBeDefined();
    }),
  );
});

test("a missing segment is found, the first, one between, the last, or all of them", async () => {
  const trail = trailOf([2, 3, 2]);
  for (const gone of [1, 2, 3]) {
    expect(
      await breachIn(
        trail.segments.filter(({ number }) => number !== gone),
        { head: trail.head },
      ),
    ).toBeDefined();
  }
  expect(await breachIn([], { head: trail.head })).toBeDefined();
});

test("after a kill the trail goes on from the last whole line, and is whole", async () => {
  await fc.assert(
    fc.asyncProperty(sizes, fc.nat(), fc.nat(), sizes, async (entries, torn, synced, more) => {
      const trail = trailOf(entries);
      const { segments } = trail;
      const last = segments.at(-1);
      if (last === undefined) return;
      // The state store knows an entry that is surely on disk; the file may hold more, and a piece of a line.
      const known = linesOf(trail).filter(({ segment }) => segment === segments.length - 1);
      const kept = known[synced % known.length]?.line ?? "";
      const { hash, sequence } = JSON.parse(kept) as ChainHead;
      const head = { hash, sequence, segment: last.number };
      const upTo = last.text.indexOf(kept) + kept.length + 1;
      const cut = upTo + (torn % (last.text.length - upTo + 1));
      const left = [...segments.slice(0, -1), { ...last, text: last.text.slice(0, cut) }];
      const found = recoverChain(left.at(-1), { head });
      expect(found.problem).toBeUndefined();
      const next = trailOf(more, found.head, found.segment + 1);
      expect(await breachIn([...left, ...next.segments], { head: next.head })).toBeUndefined();
    }),
  );
});

test("an end that was cut off while the gateway was down shows for good, whatever is written afterwards", async () => {
  await fc.assert(
    fc.asyncProperty(sizes, fc.nat(), sizes, async (entries, where, more) => {
      const trail = trailOf(entries);
      const last = trail.segments.at(-1);
      if (last === undefined) return;
      const lines = last.text.split("\n").slice(0, -1);
      const kept = lines
        .slice(0, where % lines.length)
        .map((line) => `${line}\n`)
        .join("");
      const left = [...trail.segments.slice(0, -1), { ...last, text: kept }];
      const newest = left.findLast(({ text }) => text !== "");
      const found = recoverChain(newest, { head: trail.head });
      expect(found.problem).toBeDefined();
      const next = trailOf(more, found.head, found.segment + 1);
      expect(await breachIn([...left, ...next.segments], { head: next.head })).toBeDefined();
    }),
  );
});

test("a trail whose oldest segments retention removed is whole from its anchor on, and not without it", async () => {
  const { segments, head } = trailOf([2, 2, 2]);
  const third = segments[2];
  const before = JSON.parse(segments[1]?.text.trimEnd().split("\n").at(-1) ?? "") as ChainHead;
  const anchor = { sequence: before.sequence, hash: before.hash, segment: 3 };
  if (third === undefined) return;
  expect(await breachIn([third], { head, anchor })).toBeUndefined();
  expect(await breachIn(segments, { head, anchor })).toBeUndefined();
  expect(await breachIn([third], { head })).toMatchObject({ problem: expect.stringContaining("missing") });
  expect(await breachIn([third], { head, anchor: { ...anchor, segment: 2 } })).toBeDefined();
  expect(await breachIn([third], { head, anchor: { ...anchor, hash: genesis.hash } })).toBeDefined();
});

test("without a state store the chain is followed all the same, and what can't be judged is said", async () => {
  const { segments } = trailOf([2, 2]);
  const report = await verifyChain(segments, {});
  expect(report.breach).toBeUndefined();
  expect(report.notes).toEqual([expect.stringContaining("would not show")]);
});

test("the words say which entries are gone", async () => {
  const trail = trailOf([3, 2]);
  const { head } = trail;
  const cut = (at: number) => withLines(trail, (lines) => void lines.splice(at, 1));
  const problem = async (segments: readonly SegmentText[]) => (await breachIn(segments, { head }))?.problem;
  expect(await problem(cut(1))).toBe("entry 3 stands where entry 2 belongs");
  expect(await problem(cut(3))).toMatch(/^the entries between 3 and 5 were cut off or changed/);
  expect(await problem(cut(6))).toBe("entries 7 to 7 are missing: they were cut off at the end");
});

test("an end that was written anew, hashes and all, while the gateway was down, shows for good", async () => {
  const trail = trailOf([3]);
  const [segment] = trail.segments;
  const lines = segment?.text.split("\n") ?? [];
  const second = JSON.parse(lines[1] ?? "") as ChainHead;
  const forged = sealEntry({ timestamp: 1, kind: "write", value: 7 }, second);
  const more = sealEntry({ timestamp: 2, kind: "write", value: 8 }, forged.head);
  const text = [...lines.slice(0, 2), forged.line, more.line, ""].join("\n");
  const left = { number: 1, name: segmentName(1), text };
  const third = JSON.parse(lines[2] ?? "") as ChainHead;
  const known = { sequence: third.sequence, hash: third.hash, segment: 1 };
  const found = recoverChain(left, { head: known });
  expect(found.problem).toBe("entry 3 is not the one that was written");
  const next = trailOf([1], found.head, 2);
  expect(await breachIn([left, ...next.segments], { head: next.head })).toMatchObject({
    file: segmentName(2),
  });
});

test("what was added after a stop is found, whatever was added, and shows for good, whatever is written afterwards", async () => {
  await fc.assert(
    fc.asyncProperty(sizes, sizes, sizes, fc.boolean(), async (entries, added, more, apart) => {
      const trail = trailOf(entries);
      const head = { ...trail.head, closed: true } as const;
      expect(await breachIn(trail.segments, { head })).toBeUndefined();
      // Well chained, in a segment of its own or in the last one.
      const forged = trailOf(added, trail.head, trail.head.segment + 1);
      const last = trail.segments.at(-1);
      const first = sealEntry({ timestamp: 1, kind: "write", value: 7 }, trail.head);
      const left =
        apart || last === undefined
          ? [...trail.segments, ...forged.segments]
          : [...trail.segments.slice(0, -1), { ...last, text: `${last.text}${first.line}\n` }];
      expect(await breachIn(left, { head })).toEqual({
        file: segmentName(trail.head.segment + (apart ? 1 : 0)),
        line: apart ? 1 : (last?.text.split("\n").length ?? 0),
        problem: expect.stringMatching(/^entries \d+ to \d+ were added after the gateway had stopped$/),
      });
      const found = recoverChain(left.at(-1), { head });
      expect(found.problem).toContain("were added after the gateway had stopped");
      const next = trailOf(more, found.head, found.segment + 1);
      expect(await breachIn([...left, ...next.segments], { head: next.head })).toMatchObject({
        file: segmentName(found.segment + 1),
        line: 1,
      });
    }),
  );
});

test("what comes after the last known entry without a stop may be the gateway's own: it is said, and what can't be told", async () => {
  const { segments, head } = trailOf([2]);
  const [segment] = segments;
  if (segment === undefined) return;
  const next = sealEntry({ timestamp: 1, kind: "write", value: 7 }, head);
  const left = [{ ...segment, text: `${segment.text}${next.line}\n` }];
  const report = await verifyChain(left, { head });
  expect(report.breach).toBeUndefined();
  expect(report.notes).toEqual([
    expect.stringMatching(
      /^audit-00000001\.jsonl:4: entries 4 to 4 came after the last .* can't be told here/,
    ),
  ]);
  expect(recoverChain(left[0], { head })).toEqual({
    head: next.head,
    segment: 1,
    unknown: 1,
  });
});

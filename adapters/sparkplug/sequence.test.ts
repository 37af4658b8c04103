import fc from "fast-check";
import { expect, test } from "vitest";
import { SequenceGate } from "./sequence.ts";

test("messages that come a little out of order leave in order, across the wrap", () => {
  fc.assert(
    fc.property(
      fc.nat(255),
      fc.integer({ min: 1, max: 600 }),
      fc.infiniteStream(fc.nat(7)),
      (birth, count, swaps) => {
        const sent = Array.from({ length: count }, (_, index) => index);
        const arrived = [...sent];
        for (let at = 0; at + 1 < arrived.length; at += 1 + (swaps.next().value ?? 0)) {
          const [one = 0, other = 0] = arrived.slice(at, at + 2);
          arrived.splice(at, 2, other, one);
          at += 1;
        }
        const gate = new SequenceGate<number>();
        gate.begin(birth);
        const left = arrived.flatMap((index) => gate.take((birth + 1 + index) % 256, index));
        expect(left).toEqual(sent);
        expect(gate.waiting).toBe(false);
      },
    ),
  );
});

test("what waits for a lost message leaves in order once it is given up, and the next follows on", () => {
  const gate = new SequenceGate<number>();
  gate.begin(253);
  expect([1, 0, 255].flatMap((seq) => gate.take(seq, seq))).toEqual([]);
  expect(gate.waiting).toBe(true);
  expect(gate.giveUp()).toEqual([255, 0, 1]);
  expect(gate.take(2, 2)).toEqual([2]);
});

test("whatever comes twice or late, nothing older follows on something newer", () => {
  const arrivals = fc.array(fc.record({ back: fc.nat(20), ahead: fc.nat(3) }), { maxLength: 400 });
  fc.assert(
    fc.property(fc.nat(255), arrivals, fc.infiniteStream(fc.nat(9)), (birth, steps, chances) => {
      const gate = new SequenceGate<number>();
      gate.begin(birth);
      const left: number[] = [];
      let newest = 0;
      for (const { back, ahead } of steps) {
        newest += ahead;
        const sent = Math.max(0, newest - back);
        left.push(...gate.take((birth + 1 + sent) % 256, sent));
        if (gate.waiting && chances.next().value === 0) left.push(...gate.giveUp());
      }
      expect(left).toEqual([...new Set(left)].toSorted((one, other) => one - other));
    }),
  );
});

test("before a birth nothing is in order, and behind one nothing waits", () => {
  const gate = new SequenceGate<number>();
  expect(gate.take(0, 0)).toEqual([]);
  gate.begin(0);
  gate.take(5, 5);
  gate.begin(7);
  expect(gate.waiting).toBe(false);
  expect(gate.take(8, 8)).toEqual([8]);
});

test("so many wait and no more", () => {
  const gate = new SequenceGate<number>();
  gate.begin(0);
  for (let seq = 2; seq < 65; seq += 1) gate.take(seq, seq);
  expect(gate.full).toBe(false);
  gate.take(65, 65);
  expect(gate.full).toBe(true);
});

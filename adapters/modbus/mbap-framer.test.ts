import fc from "fast-check";
import { expect, test } from "vitest";
import { MbapFramer } from "./mbap-framer.ts";

interface Seen {
  readonly framer: MbapFramer;
  readonly frames: [number, string][];
  readonly violations: string[];
}

function framer(): Seen {
  const frames: [number, string][] = [];
  const violations: string[] = [];
  return {
    framer: new MbapFramer({
      onFrame: (frame) => void frames.push([frame.readUInt16BE(0), frame.toString("hex", 6)]),
      onViolation: (what) => violations.push(what),
    }),
    frames,
    violations,
  };
}

function frame(id: number, adu: Uint8Array): Buffer {
  const header = Buffer.alloc(6);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(adu.length, 4);
  return Buffer.concat([header, adu]);
}

const frames = fc.array(
  fc.record({ id: fc.nat(0xffff), adu: fc.uint8Array({ minLength: 2, maxLength: 254 }) }),
  { maxLength: 8 },
);

test("gives the same frames however the network cuts the stream", () => {
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (sent, sizes) => {
      const stream = Buffer.concat(sent.map(({ id, adu }) => frame(id, adu)));
      const seen = framer();
      for (let at = 0, turn = 0; at < stream.length; turn += 1) {
        const size = sizes[turn % sizes.length] ?? 1;
        seen.framer.push(stream.subarray(at, at + size));
        at += size;
      }
      expect(seen.frames).toEqual(sent.map(({ id, adu }) => [id, Buffer.from(adu).toString("hex")]));
      expect(seen.framer.isMidFrame).toBe(false);
      expect(seen.violations).toEqual([]);
    }),
  );
});

test.each([
  ["a foreign protocol id", "0001000100060101", "protocol id 1"],
  ["a length of nothing", "000100000001aa", "length field of 1"],
  ["a length beyond any frame", "00010000ffff01", "length field of 65535"],
])("breaks off at %s, as soon as the header is there and whatever follows", (_name, hex, what) => {
  for (const bytesAtOnce of [1, 100]) {
    const seen = framer();
    const stream = Buffer.concat([Buffer.from(hex, "hex"), frame(7, Buffer.from([1, 3, 0]))]);
    for (let at = 0; at < stream.length; at += bytesAtOnce) {
      seen.framer.push(stream.subarray(at, at + bytesAtOnce));
    }
    expect(seen.violations).toEqual([expect.stringContaining(what)]);
    expect(seen.frames).toEqual([]);
  }
});

test("says whether a frame has begun and not ended", () => {
  const seen = framer();
  const whole = frame(1, Buffer.from([1, 3, 2, 0, 7]));
  seen.framer.push(whole.subarray(0, -1));
  expect(seen.framer.isMidFrame).toBe(true);
  seen.framer.push(whole.subarray(-1));
  expect(seen.framer.isMidFrame).toBe(false);
  expect(seen.frames).toEqual([[1, "0103020007"]]);
});

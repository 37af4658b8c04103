import fc from "fast-check";
import { expect, test } from "vitest";
import { answerLength, crc16, rtuFraming, withCrc } from "./rtu-framing.ts";

const unit = fc.integer({ min: 1, max: 247 });
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });

/** Answers of every kind that is asked for, unit id and PDU. */
const answers = fc.oneof(
  fc
    .tuple(unit, fc.constantFrom(1, 2, 3, 4), fc.uint8Array({ minLength: 1, maxLength: 250 }))
    .map(([id, code, data]) => Buffer.from([id, code, data.length, ...data])),
  fc
    .tuple(unit, fc.constantFrom(5, 6, 8, 15, 16), bytes(4))
    .map(([id, code, data]) => Buffer.from([id, code, ...data])),
  fc.tuple(unit, bytes(6)).map(([id, data]) => Buffer.from([id, 22, ...data])),
  fc
    .tuple(unit, fc.constantFrom(1, 3, 6, 16, 22), fc.integer({ min: 1, max: 11 }))
    .map(([id, code, exception]) => Buffer.from([id, code | 0x80, exception])),
);

test("the CRC is that of the specification's example", () => {
  // Modbus over serial line V1.02 §6.2.2: 02 07 gives 12 41 on the line.
  expect(withCrc(Buffer.from([2, 7])).toString("hex")).toBe("02074112");
  expect(crc16(Buffer.from("123456789"))).toBe(0x4b37);
});

test("every answer comes back as it was sent, and its length is known from three bytes", () => {
  fc.assert(
    fc.property(answers, fc.uint8Array({ maxLength: 9 }), (adu, after) => {
      const frame = rtuFraming.encode(adu);
      expect(answerLength(frame.subarray(0, 3))).toBe(frame.length);
      const decoded = rtuFraming.decode(Buffer.concat([frame, after]));
      expect(decoded).toEqual({ kind: "frame", adu, length: frame.length });
    }),
  );
});

test("of an answer cut short, more is waited for", () => {
  fc.assert(
    fc.property(answers, fc.nat(), (adu, cut) => {
      const frame = rtuFraming.encode(adu);
      expect(rtuFraming.decode(frame.subarray(0, cut % frame.length)).kind).toBe("more");
    }),
  );
});

test("one bit that is wrong makes no answer of the same length a frame", () => {
  fc.assert(
    fc.property(answers, fc.nat(), (adu, position) => {
      const frame = rtuFraming.encode(adu);
      const bit = position % (frame.length * 8);
      frame[bit >> 3] = (frame[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const decoded = rtuFraming.decode(frame);
      expect(decoded.kind === "frame" && decoded.length === frame.length).toBe(false);
    }),
  );
});

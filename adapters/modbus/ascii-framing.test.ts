import fc from "fast-check";
import { expect, test } from "vitest";
import { asciiFraming, lrc } from "./ascii-framing.ts";

const adus = fc.uint8Array({ minLength: 2, maxLength: 254 }).map((bytes) => Buffer.from(bytes));
/** What can stand on a line before a frame. */
const noise = fc
  .uint8Array({ maxLength: 8 })
  .map((bytes) => Buffer.from(bytes.filter((byte) => byte !== 0x0a)));

test("a frame is a colon, pairs of digits, the LRC and the end of the line", () => {
  // 1 + 3 + 2 + 25 is 31, and 31 + 225 is 256.
  const adu = Buffer.from([1, 3, 2, 0, 25]);
  expect(asciiFraming.encode(adu).toString()).toBe(":0103020019E1\r\n");
  expect(lrc(adu)).toBe(0xe1);
});

test("every frame comes back as it was sent, whatever stands before it, in either case of the digits", () => {
  fc.assert(
    fc.property(adus, noise, fc.boolean(), (adu, before, lower) => {
      const text = asciiFraming.encode(adu).toString("latin1");
      const frame = Buffer.concat([before, Buffer.from(lower ? text.toLowerCase() : text, "latin1")]);
      expect(asciiFraming.decode(frame)).toEqual({ kind: "frame", adu, length: frame.length });
    }),
  );
});

test("of a frame cut short, more is waited for", () => {
  fc.assert(
    fc.property(adus, fc.nat(), (adu, cut) => {
      const frame = asciiFraming.encode(adu);
      expect(asciiFraming.decode(frame.subarray(0, cut % frame.length)).kind).toBe("more");
    }),
  );
});

test("a frame that broke off does not spoil the next one", () => {
  fc.assert(
    fc.property(adus, adus, fc.nat(), (lost, adu, cut) => {
      const begun = asciiFraming.encode(lost);
      const rest = asciiFraming.encode(adu);
      const bytes = Buffer.concat([begun.subarray(0, cut % (begun.length - 2)), rest]);
      expect(asciiFraming.decode(bytes)).toEqual({ kind: "frame", adu, length: bytes.length });
    }),
  );
});

test("a digit that is wrong makes no frame", () => {
  fc.assert(
    fc.property(adus, fc.nat(), fc.constantFrom("0", "7", "F", "x"), (adu, position, digit) => {
      const frame = asciiFraming.encode(adu);
      const at = 1 + (position % (frame.length - 3));
      fc.pre(frame[at] !== digit.charCodeAt(0));
      frame.write(digit, at, "latin1");
      expect(asciiFraming.decode(frame).kind).toBe("broken");
    }),
  );
});

test("a line without an end is not waited for without end", () => {
  expect(asciiFraming.decode(Buffer.alloc(600, ":")).kind).toBe("broken");
});

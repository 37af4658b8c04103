import { expect, test } from "vitest";
import type { Frame } from "../../src/trace/frame.ts";
import { exchangesOf } from "./recorded-exchanges.ts";
import { RecordedMemory } from "./recorded-memory.ts";

const frame = (t: number, direction: Frame["direction"], hex: string): Frame => ({
  t,
  direction,
  channel: "tcp",
  bytes: Buffer.from(hex.replaceAll(" ", ""), "hex"),
});
const request = (start: number, quantity: number) => Buffer.of(3, 0, start, 0, quantity);

const recorded = [
  // Holding 0..1 at 100 ms, the answer in two pieces; a late answer to something else before the second.
  frame(100, "sent", "0001 0000 0006 01 03 0000 0002"),
  frame(104, "received", "0001 0000 0007 01 03"),
  frame(105, "received", "04 000a 000b"),
  frame(200, "sent", "0002 0000 0006 01 03 0000 0002"),
  frame(203, "received", "0001 0000 0007 01 03 04 dead beef 0002 0000 0007 01 03 04 0014 0015"),
  frame(250, "sent", "0003 0000 0006 01 03 0002 0001"),
  frame(251, "received", "0003 0000 0005 01 03 02 0063"),
  frame(300, "sent", "0004 0000 0006 01 03 0028 0001"),
];

test("requests are paired with what answers them, whatever pieces it came in", () => {
  expect(
    exchangesOf(recorded).map(({ t, response, delayMs }) => [t, response?.toString("hex"), delayMs]),
  ).toEqual([
    [100, "0304000a000b", 5],
    [200, "030400140015", 3],
    [250, "03020063", 1],
    [300, undefined, 0],
  ]);
});

test("a serial line's frames are told by themselves", () => {
  const [exchange] = exchangesOf([
    frame(0, "sent", "03 03 0000 0001 85e8"),
    frame(9, "received", "03 03 02 002a 4062"),
  ]);
  expect(exchange).toMatchObject({ unit: 3, delayMs: 9 });
  expect(exchange?.response?.toString("hex")).toBe("0302002a");
  const ascii = (t: number, direction: Frame["direction"], text: string) =>
    frame(t, direction, Buffer.from(`${text}\r\n`).toString("hex"));
  const [other] = exchangesOf([ascii(0, "sent", ":030300000001F9"), ascii(5, "received", ":0303020030C8")]);
  expect(other?.response?.toString("hex")).toBe("03020030");
});

test("the same request has the answer nearest in time, with its delay; none where there was none", () => {
  const memory = new RecordedMemory(exchangesOf(recorded));
  expect(memory.answer(1, request(0, 2), 120)).toMatchObject({ delayMs: 5 });
  expect(memory.answer(1, request(0, 2), 160).response?.toString("hex")).toBe("030400140015");
  expect(memory.answer(1, request(40, 1), 0).response).toBeUndefined();
});

test("a read that was never asked so is put together from others, where all of it was seen", () => {
  const memory = new RecordedMemory(exchangesOf(recorded));
  expect(memory.answer(1, request(1, 2), 0).response?.toString("hex")).toBe("0304000b0063");
  expect(memory.answer(1, request(2, 2), 0).response?.toString("hex")).toBe("8302");
  expect(memory.answer(2, request(0, 2), 0).response?.toString("hex")).toBe("8302");
});

test("bits are put together as bits", () => {
  const memory = new RecordedMemory(
    exchangesOf([
      frame(0, "sent", "0001 0000 0006 01 01 0000 0009"),
      frame(1, "received", "0001 0000 0005 01 01 02 04 01"),
    ]),
  );
  expect(memory.answer(1, Buffer.of(1, 0, 2, 0, 7), 0).response?.toString("hex")).toBe("010141");
});

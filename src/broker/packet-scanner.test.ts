import fc from "fast-check";
import { generate } from "mqtt-packet";
import { expect, test } from "vitest";
import { PacketScanner } from "./packet-scanner.ts";

const sizes = { connectBytes: 1_000, packetBytes: 100_000 };
const connect = generate({
  cmd: "connect",
  clientId: "x",
  protocolId: "MQTT",
  protocolVersion: 4,
  clean: true,
});

test("the packets of a stream are seen as they are, however the stream is cut", () => {
  const length = fc.oneof(
    fc.integer({ min: 0, max: 300 }),
    fc.constantFrom(127, 128, 16_383, 16_384, 60_000),
  );
  fc.assert(
    fc.property(
      fc.array(length, { maxLength: 8 }),
      fc.array(fc.integer({ min: 1, max: 20_000 })),
      (lengths, cuts) => {
        const packets = lengths.map((bytes) =>
          generate({
            cmd: "publish",
            topic: "t",
            payload: Buffer.alloc(bytes, 0x10),
            qos: 0,
            retain: false,
            dup: false,
          }),
        );
        const stream = Buffer.concat([connect, ...packets]);
        const scanner = new PacketScanner(sizes);
        const seen: number[] = [];
        let at = 0;
        for (const cut of [...cuts, stream.length]) {
          const chunk = stream.subarray(at, at + cut);
          expect(scanner.scan(chunk, 0, (type) => seen.push(type) > 0)).toBe(chunk.length);
          at += cut;
        }
        expect(seen).toEqual([1, ...lengths.map(() => 3)]);
      },
    ),
  );
});

test("a packet that is not admitted stops the walk before it, and it goes on from there", () => {
  const ping = generate({ cmd: "pingreq" });
  const stream = Buffer.concat([connect, ping, ping]);
  const scanner = new PacketScanner(sizes);
  expect(scanner.scan(stream, 0, (type) => type === 1)).toBe(connect.length);
  const seen: number[] = [];
  expect(scanner.scan(stream, connect.length, (type) => seen.push(type) > 0)).toBe(stream.length);
  expect(seen).toEqual([12, 12]);
});

test("a packet that is too large is refused on its length, before it came", () => {
  const scanner = new PacketScanner(sizes);
  scanner.scan(connect, 0, () => true);
  const header = Buffer.from([0x30, 0xa1, 0x8d, 0x06]);
  expect(() => scanner.scan(header, 0, () => true)).toThrow(
    expect.objectContaining({ code: "PROTOCOL_VIOLATION", context: { reason: "packetSize" } }),
  );
});

test.each([
  ["no CONNECT first", [generate({ cmd: "pingreq" })]],
  ["a second CONNECT", [connect, connect]],
  ["a packet that only servers send", [connect, Buffer.from([0x20])]],
  ["a length that does not end", [connect, Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80])]],
])("%s is refused", (_name, chunks) => {
  const scanner = new PacketScanner(sizes);
  const scanAll = () => chunks.map((chunk) => scanner.scan(chunk, 0, () => true));
  expect(scanAll).toThrow(expect.objectContaining({ context: { reason: "protocol" } }));
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { formatNodeAddress, parseBrowsePath, parseNodeAddress, type NodeAddress } from "./node-address.ts";

const namespace = fc.oneof(
  fc.record({ uri: fc.string({ minLength: 1 }).filter((uri) => uri.trim() === uri) }),
  fc.record({ index: fc.nat({ max: 0xffff }) }),
);
const address: fc.Arbitrary<NodeAddress> = fc.oneof(
  fc.record({ namespace, kind: fc.constant("i" as const), value: fc.nat({ max: 0xffff_ffff }).map(String) }),
  fc.record({
    namespace,
    kind: fc.constant("s" as const),
    value: fc.string({ minLength: 1 }).filter((text) => text.trimEnd() === text),
  }),
  fc.record({ namespace, kind: fc.constant("g" as const), value: fc.uuid() }),
);

test("what is written of a node id is read as the same", () => {
  fc.assert(
    fc.property(address, (one) => {
      expect(parseNodeAddress(formatNodeAddress(one))).toEqual(one);
    }),
  );
});

test.each([
  "",
  "s=",
  "i=x",
  "i=4294967296",
  "ns=70000;i=1",
  "g=1234",
  "b=***",
  "x=1",
  "nsu=;s=a",
  "Press.Pressure",
])("%j is no node id", (text) => {
  expect(parseNodeAddress(text)).toBeUndefined();
});

test("reads browse paths with indexes, URIs and escaped names", () => {
  expect(parseBrowsePath("/Objects/2:Press/<nsu=http://a/b>Pressure&/2")).toEqual([
    { namespace: { index: 0 }, name: "Objects" },
    { namespace: { index: 2 }, name: "Press" },
    { namespace: { uri: "http://a/b" }, name: "Pressure/2" },
  ]);
});

test.each(["", "/", "Objects/Press", "/Objects//Press", "/Objects/"])("%j is no browse path", (text) => {
  expect(parseBrowsePath(text)).toBeUndefined();
});

import { expect, test } from "vitest";
import { Ledger, type Arrived } from "./ledger.ts";

const event = (number: number, more: Partial<Arrived> = {}): Arrived => ({
  id: `gw:e-r:${number}`,
  stream: "EVENTS",
  number,
  run: "e-r",
  marks: [],
  ...more,
});

function ledgerOf(...messages: readonly Arrived[]): Ledger {
  const ledger = new Ledger();
  for (const message of messages) ledger.arrive(message);
  return ledger;
}

test("nothing is wrong where each is there once, in order", () => {
  const ledger = ledgerOf(event(1), event(3, { stream: "BATCHES" }), event(2));
  ledger.expect("gw:e-r:2");
  expect(ledger.judge(3)).toEqual({ lost: [], twice: [], outOfOrder: [] });
});

test("a number that the store gave and the hub does not have is lost", () => {
  expect(ledgerOf(event(1), event(3)).judge(4).lost).toEqual(["number 2", "number 4"]);
});

test("what was heard on the local server, or acknowledged to a device, is lost where the hub does not have it", () => {
  const ledger = ledgerOf(event(1, { marks: ["sale 7"] }));
  ledger.expect("gw:e-r:9");
  ledger.expect("sale 7");
  ledger.expect("sale 8");
  expect(ledger.judge(1).lost).toEqual(["gw:e-r:9", "sale 8"]);
});

test("a message that came twice is told, and so is a reading that came in two messages", () => {
  const twice = ledgerOf(event(1), event(1), event(2, { marks: ["n 5"] }), event(3, { marks: ["n 5"] }));
  expect(twice.judge(3).twice).toEqual(["gw:e-r:1", "n 5"]);
});

test("a message that came after a later one of its run is out of order; another run has an order of its own", () => {
  const ledger = ledgerOf(event(2), event(1), event(1, { run: "e-s", id: "gw:e-s:1" }));
  expect(ledger.judge(2).outOfOrder).toEqual(["gw:e-r:1 after number 2"]);
});

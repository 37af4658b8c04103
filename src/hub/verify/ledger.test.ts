import { expect, test } from "vitest";
import { Ledger, type Coverage } from "./ledger.ts";
import { identityOf, type MessageIdentity } from "./message-identity.ts";

const whole: Coverage = {
  trimmed: { batches: false, events: false },
  fromFirst: false,
  eventsUpToDate: () => true,
};

function identity(headers: Readonly<Record<string, string>>): MessageIdentity {
  const found = identityOf((name) => headers[name] ?? "");
  if (found === undefined) throw new Error("not an outbox's headers");
  return found;
}

/** The number over both streams, and that of the batch. */
const batch = (number: number, batchNumber: number, epoch = "e1") =>
  identity({
    "Nats-Msg-Id": `gw:${epoch}:${number}`,
    "Linegate-Epoch": epoch,
    "Linegate-Stream": "process",
    "Linegate-Batch": String(batchNumber),
  });
const event = (number: number, epoch = "e1") => identity({ "Nats-Msg-Id": `gw:${epoch}-r1:${number}` });

function ledgerOf(batches: readonly MessageIdentity[], events: readonly MessageIdentity[]) {
  const ledger = new Ledger();
  for (const one of batches) ledger.takeBatch(one);
  for (const one of events) ledger.takeEvent(one);
  return ledger;
}

function reportsOf(
  batches: readonly MessageIdentity[],
  events: readonly MessageIdentity[],
  coverage = whole,
) {
  const reports = ledgerOf(batches, events).reports(coverage);
  return Object.fromEntries(reports.map((report) => [report.stream, report]));
}

test("numbers that grow by one are whole, from whichever they start where the hub came later", () => {
  const messages = [[batch(8, 40), batch(10, 41), batch(11, 42)], [event(9)]] as const;
  const { process, EVENTS } = reportsOf(...messages, { ...whole, fromFirst: true });
  const sound = { gaps: 0, missing: [], duplicates: 0, reorderings: 0 };
  expect(process).toEqual({ gateway: "gw", stream: "process", batches: 3, first: 40, last: 42, ...sound });
  expect(EVENTS).toEqual({ gateway: "gw", stream: "EVENTS", batches: 1, first: 9, last: 9, ...sound });
});

test("what is missing before the first message is missing, but for what the hub's limits have removed", () => {
  const messages = [
    [batch(9, 4), batch(10, 5)],
    [event(8), event(11)],
  ] as const;
  const { process, EVENTS } = reportsOf(...messages);
  expect(process).toMatchObject({ first: 4, gaps: 3, missing: ["1-3"] });
  expect(EVENTS).toMatchObject({ first: 8, gaps: 4 });
  const trimmed = reportsOf(...messages, { ...whole, trimmed: { batches: true, events: true } });
  expect(trimmed["process"]).toMatchObject({ gaps: 0 });
  expect(trimmed["EVENTS"]).toMatchObject({ gaps: 0 });
});

test("an epoch that began with what was taken over says its first number", () => {
  const later = (number: number) => ({ ...event(number, "e2"), begin: 61 });
  expect(reportsOf([], [event(1), event(2), later(61), later(62)])["EVENTS"]).toMatchObject({ gaps: 0 });
  expect(reportsOf([], [event(1), event(2), later(62)])["EVENTS"]).toMatchObject({
    gaps: 1,
    missing: ["61"],
  });
});

test("after a rollback the same numbers come again in another run, and what is missing there is missing", () => {
  const again = (number: number) => ({ ...event(number), run: "r2" });
  const before = [1, 2, 3, 4, 5].map((number) => event(number));
  const { EVENTS } = reportsOf([], [...before, again(2), again(4), again(5), again(7)]);
  expect(EVENTS).toMatchObject({ batches: 9, gaps: 2, duplicates: 0, reorderings: 0 });
  expect(EVENTS?.missing).toEqual(["3", "6"]);
});

test("a run goes on where the one before ended, whichever is read first", () => {
  const of = (run: string, one: MessageIdentity) => ({ ...one, run });
  const batches = [of("r1", batch(1, 1)), of("r3", batch(9, 2))];
  const events = [of("r1", event(2)), of("r2", event(4)), of("r2", event(5)), of("r3", event(8))];
  expect(reportsOf(batches, events)["EVENTS"]).toMatchObject({ gaps: 3, missing: ["3", "6-7"] });
  expect(reportsOf(batches, events)["process"]).toMatchObject({ gaps: 0 });
});

test("a missing batch is a gap of its stream and of no other", () => {
  const { process, EVENTS } = reportsOf([batch(1, 1), batch(5, 4)], [event(2)]);
  expect(process).toMatchObject({ gaps: 2, missing: ["2-3"] });
  expect(EVENTS).toMatchObject({ gaps: 0, missing: [] });
});

test("a number that is in neither stream is a missing event", () => {
  const { process, EVENTS } = reportsOf([batch(1, 1), batch(5, 2)], [event(2), event(4)]);
  expect(process).toMatchObject({ gaps: 0 });
  expect(EVENTS).toMatchObject({ gaps: 1, missing: ["3"] });
});

test("what came twice and what came late are told apart", () => {
  const { process, EVENTS } = reportsOf(
    [batch(1, 1), batch(4, 3), batch(3, 2), batch(4, 3)],
    [event(2), event(2)],
  );
  expect(process).toMatchObject({ batches: 4, gaps: 0, duplicates: 1, reorderings: 1 });
  expect(EVENTS).toMatchObject({ gaps: 0, duplicates: 1, reorderings: 0 });
});

test("an event that may still be on its way is not missing", () => {
  const behind = { ...whole, eventsUpToDate: () => false };
  const messages = [[batch(1, 1), batch(5, 2)], [event(2)]] as const;
  expect(reportsOf(...messages, behind)["EVENTS"]).toMatchObject({ gaps: 0 });
  expect(reportsOf(...messages)["EVENTS"]).toMatchObject({ gaps: 2, missing: ["3-4"] });
  expect(reportsOf([batch(1, 1)], [event(2), event(9)])["EVENTS"]).toMatchObject({ gaps: 0 });
});

test("batches that the hub's limits have removed are not missing events", () => {
  const messages = [
    [batch(7, 4), batch(8, 5)],
    [event(2), event(4)],
  ] as const;
  const trimmed = { ...whole, trimmed: { batches: true, events: false } };
  expect(reportsOf(...messages, trimmed)["EVENTS"]).toMatchObject({ gaps: 0 });
  expect(reportsOf(...messages)["process"]).toMatchObject({ gaps: 3 });
  expect(reportsOf(...messages)["EVENTS"]).toMatchObject({ gaps: 1 });
});

test("a gateway whose store was made anew begins again, and nothing is twice", () => {
  const { process } = reportsOf([batch(1, 1), batch(2, 2), batch(1, 1, "e2"), batch(2, 2, "e2")], []);
  expect(process).toMatchObject({ batches: 4, first: 1, last: 2, gaps: 0, duplicates: 0, reorderings: 0 });
});

test("where batches don't say their number, missing events can't be told", () => {
  const named = identity({
    "Nats-Msg-Id": "gw:e1:process:1",
    "Linegate-Epoch": "e1",
    "Linegate-Stream": "process",
    "Linegate-Batch": "1",
  });
  expect(reportsOf([named], [event(2), event(4)])["EVENTS"]).toMatchObject({ gaps: null, duplicates: 0 });
});

test("the outbox's header says the number of a message with an id of its own", () => {
  const headers = { "Nats-Msg-Id": "gw:e1:process:7", "Linegate-Number": "12" };
  expect(identity(headers)).toEqual({ gateway: "gw", epoch: "e1", run: "", number: 12 });
  expect(identityOf((name) => (name === "Nats-Msg-Id" ? "somebody else's" : ""))).toBeUndefined();
  expect(identityOf(() => "")).toBeUndefined();
});

test("garbage with ever new names is refused before it takes all memory", () => {
  const ledger = new Ledger();
  const flood = () => {
    for (let n = 0; n < 30_000; n += 1) ledger.takeEvent(event(n, `e${n}`));
  };
  expect(flood).toThrow("they are not those of gateways");
});

import { expect, onTestFinished, test, vi } from "vitest";
import { systemClock } from "../../src/adapter-kit/clock.ts";
import { client, startBroker } from "../../src/broker/testing.ts";
import { Till, transactionTopic, type JournalEntry } from "./till.ts";

const milk = [{ sku: "milk-1l", quantity: 1, price: 1.49 }];

/** A broker with somebody who hears what the tills say. */
async function shop() {
  const { port } = await startBroker();
  const sold: string[] = [];
  const states: string[] = [];
  const listener = await client(port);
  listener.on("message", (topic, payload) => {
    if (topic !== transactionTopic) states.push(payload.toString());
    else sold.push((JSON.parse(payload.toString()) as { transactionId: string }).transactionId);
  });
  await listener.subscribeAsync([transactionTopic, "store/till/+/state"], { qos: 1 });
  const openTill = (journal: readonly JournalEntry[] = []) => {
    const till = new Till({ name: "1", broker: `mqtt://127.0.0.1:${port}`, clock: systemClock }, journal);
    onTestFinished(() => till.stop());
    till.start();
    return till;
  };
  return { openTill, sold, states };
}

const told = (till: Till) => vi.waitFor(() => expect(till.unacknowledged).toBe(0));

test("a till says that it is open, tells its sales in order, and says goodbye", async () => {
  const { openTill, sold, states } = await shop();
  const till = openTill();
  for (let sale = 0; sale < 3; sale += 1) till.sell(milk);
  await told(till);
  expect(sold).toEqual(["1-000001", "1-000002", "1-000003"]);
  await till.stop();
  await vi.waitFor(() => expect(states).toEqual(["open", "closed"]));
});

test("a till that missed an acknowledgement sends that sale again", async () => {
  const { openTill, sold } = await shop();
  const till = openTill();
  till.sell(milk);
  await told(till);
  till.missNextAcknowledgement();
  till.sell(milk);
  await told(till);
  expect(sold).toEqual(["1-000001", "1-000002", "1-000002"]);
});

test("a till without a network sells on, and tells it later with the times at which it was sold", async () => {
  const { openTill, sold, states } = await shop();
  const till = openTill();
  await vi.waitFor(() => expect(states).toEqual(["open"]));
  till.goOffline();
  await vi.waitFor(() => expect(states).toEqual(["open", "lost"]));
  const { time } = till.sell(milk);
  expect(till.unacknowledged).toBe(1);
  till.comeBack();
  await told(till);
  expect(sold).toEqual(["1-000001"]);
  expect(till.journal[0]?.sale.time).toBe(time);
});

test("a till that is switched off and on with its journal numbers on, and may tell the old ones again", async () => {
  const { openTill, sold } = await shop();
  const first = openTill();
  first.sell(milk);
  await told(first);
  await first.stop();
  const second = openTill(first.journal);
  second.sell(milk);
  await told(second);
  second.restart();
  await told(second);
  expect(sold).toEqual(["1-000001", "1-000002", "1-000001", "1-000002"]);
});

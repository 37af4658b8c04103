import * as fc from "fast-check";
import { expect, test } from "vitest";
import { systemClock } from "../../adapter-kit/clock.ts";
import { GatewayError } from "../../domain/errors.ts";
import { keptLog } from "../../nats/testing.ts";
import { memoryStore } from "../../store/testing.ts";
import { GatewayTeller } from "./gateway-teller.ts";

type Gateway = "there" | "away" | "silent" | "refuses";

/** A teller before a gateway that is in whatever way a test says. */
function telling(kept = new Map<string, Map<string, string>>()) {
  const gateway: { is: Gateway } = { is: "away" };
  const mqtt: unknown[] = [];
  const audit: unknown[] = [];
  const store = memoryStore(kept);
  const log = keptLog();
  const request = async (subject: string, payload: Uint8Array | string) => {
    if (gateway.is === "away")
      throw new GatewayError("UPLINK_UNAVAILABLE", "nobody", { context: { sent: false } });
    if (gateway.is === "silent") throw new GatewayError("UPLINK_UNAVAILABLE", "timeout");
    if (gateway.is === "refuses") return Buffer.from('{"ok":false}');
    const told = JSON.parse(String(payload)) as { topic: string; payload: string };
    if (subject === "mqtt") mqtt.push(`${told.topic} ${told.payload}`);
    else audit.push(told);
    return Buffer.from('{"ok":true}');
  };
  const teller = new GatewayTeller({
    subjects: { mqtt: "mqtt", audit: "audit" },
    link: { request },
    store,
    clock: systemClock,
    log,
  });
  teller.start();
  /** As the mirror says it, and what comes of it is awaited. */
  const answers = async (anew: boolean) => {
    teller.answers(anew);
    await teller.stop();
  };
  const state = (topic: string, payload: string) => teller.publish(topic, payload, { retain: true, qos: 1 });
  const figures = () => [...teller.metrics()].map(({ samples }) => [...samples].map(([, value]) => value));
  return { teller, gateway, mqtt, audit, kept, log, answers, state, figures };
}

test("while the gateway is away messages wait in order, and retained topics are what they are then", async () => {
  const { teller, gateway, mqtt, answers, state } = telling();
  state("alert/a", "raised");
  teller.publish("line/weld/late", "1");
  state("alert/a", "cleared");
  state("alert/b", "raised");
  teller.clearRetained("alert/b");
  teller.publish("line/weld/late", "2");
  gateway.is = "there";
  await answers(true);
  expect(mqtt).toEqual(["line/weld/late 1", "line/weld/late 2", "alert/a cleared", "alert/b "]);
  await answers(false);
  expect(mqtt).toHaveLength(4);
  // Started again, the gateway may have lost what it took last; what was cleared it need not hear of once more.
  await answers(true);
  expect(mqtt.slice(4)).toEqual(["alert/a cleared"]);
});

test("while it is there each transition of a state is told, in order", async () => {
  const { teller, gateway, mqtt, answers, state } = telling();
  gateway.is = "there";
  await answers(true);
  for (const payload of ["1", "2", "3"]) state("alert/a", payload);
  await teller.stop();
  expect(mqtt).toEqual(["alert/a 1", "alert/a 2", "alert/a 3"]);
});

test("an entry of the audit that the gateway did not take is on disk, and gets there in order, over a restart of the service", async () => {
  const { teller, gateway, audit, kept, answers } = telling();
  await teller.record("alert", { action: "acknowledge", by: "anna" });
  await teller.record("alert", { action: "shelve", by: "ben" });
  expect(kept.get("audit-kept")?.size).toBe(2);
  await answers(true);
  expect(audit).toEqual([]);
  expect(gateway.is).toBe("away");
  const again = telling(kept);
  await again.teller.record("alert", { action: "unshelve", by: "ben" });
  again.gateway.is = "there";
  await again.answers(true);
  expect(again.audit).toEqual(
    ["acknowledge", "shelve", "unshelve"].map((action) => ({
      kind: "alert",
      entry: { action, by: expect.any(String) as string, askedAt: expect.any(Number) as number },
    })),
  );
  expect(kept.get("audit-kept")?.size).toBe(0);
});

test("what is told while the gateway comes and goes is told in order, entries once for each time that they were taken", async () => {
  const step = fc.oneof(
    fc.constantFrom("there" as const, "away" as const),
    fc.constant("entry" as const),
    fc.constant("message" as const),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { teller, gateway, mqtt, audit, answers } = telling();
      let number = 0;
      const wanted: { entries: number[]; messages: string[] } = { entries: [], messages: [] };
      for (const one of steps) {
        number += 1;
        if (one === "entry") {
          wanted.entries.push(number);
          await teller.record("alert", { number });
        } else if (one === "message") {
          wanted.messages.push(`t ${number}`);
          teller.publish("t", `${number}`);
        } else {
          gateway.is = one;
          if (one === "there") await answers(number % 2 === 0);
        }
      }
      await teller.stop();
      gateway.is = "there";
      await answers(true);
      expect(audit.map((told) => (told as { entry: { number: number } }).entry.number)).toEqual(
        wanted.entries,
      );
      expect(mqtt).toEqual(wanted.messages);
    }),
    { numRuns: 50 },
  );
});

test("beyond a thousand the oldest messages are lost, said once and counted", async () => {
  const { teller, gateway, mqtt, log, answers, figures } = telling();
  for (let n = 1; n <= 1_002; n += 1) teller.publish("t", `${n}`);
  expect(log.lines).toHaveLength(1);
  gateway.is = "there";
  await answers(true);
  expect([mqtt.length, mqtt[0], mqtt.at(-1)]).toEqual([1_000, "t 3", "t 1002"]);
  expect(figures()).toEqual([
    [0, 0],
    [2, 0],
  ]);
});

test("what is refused is lost, and a message that is never answered is given up; an entry of the audit is not", async () => {
  const { teller, gateway, mqtt, audit, kept, answers, figures } = telling();
  await teller.record("alert", { action: "first" });
  teller.publish("t", "1");
  gateway.is = "silent";
  for (const _ of [1, 2, 3, 4]) await answers(true);
  expect(figures()).toEqual([
    [0, 1],
    [1, 0],
  ]);
  gateway.is = "there";
  await answers(false);
  gateway.is = "refuses";
  await teller.record("alert", { action: "second" });
  await teller.stop();
  gateway.is = "there";
  await teller.record("alert", { action: "third" });
  await teller.stop();
  expect(mqtt).toEqual([]);
  expect(audit).toMatchObject([{ entry: { action: "first" } }, { entry: { action: "third" } }]);
  expect(kept.get("audit-kept")?.size).toBe(0);
  expect(figures()).toEqual([
    [0, 0],
    [1, 1],
  ]);
});

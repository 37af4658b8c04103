import { expect, test } from "vitest";
import { keptLog } from "../../nats/testing.ts";
import type { OutsideService } from "./bridge-subjects.ts";
import { ServiceBridge } from "./service-bridge.ts";

function bridge(service: OutsideService = "scheduling") {
  const handlers = new Map<string, (data: string, respond: (reply: string) => void) => void>();
  const [published, told, recorded]: [unknown[], unknown[], unknown[]] = [[], [], []];
  const orders: unknown[] = [];
  const log = keptLog();
  const subject = new ServiceBridge({
    gateway: "gw",
    site: "plant1/line1",
    service,
    link: {
      subscribe: (name, handler) => {
        handlers.set(name, (data, respond) =>
          handler({
            subject: name,
            data: Buffer.from(data),
            respond: (reply) => {
              respond(String(reply));
              return true;
            },
          }),
        );
        return () => handlers.delete(name);
      },
    },
    broker: {
      publish: (topic, payload, how) =>
        void published.push(how?.retain === true ? [topic, payload, "retained"] : [topic, payload]),
      clearRetained: (topic) => void published.push([topic, "cleared"]),
    },
    commands: {
      write: async (order) => {
        orders.push(order);
        return { ok: true, readBack: 900, tookMs: 3 };
      },
    },
    audit: { record: async (kind, entry) => void recorded.push([kind, entry]) },
    states: () => ({ "press-1": "online" }),
    told: (event) => void told.push(event),
    log,
  });
  subject.start();
  const say = (name: string, message: unknown) =>
    new Promise<string>((resolve) => {
      handlers.get(`bridge.gw.${service}.${name}`)?.(JSON.stringify(message), resolve);
    });
  return { subject, handlers, say, published, told, recorded, orders, log };
}

test("line events and a mapping's own topics go out on MQTT, and nothing in the gateway's name", async () => {
  const { say, published, told, log } = bridge();
  await say("mqtt", { topic: "line/plant1/line1/weld/prepare", payload: "{}" });
  await say("mqtt", { topic: "agv/1/order", payload: "{}" });
  for (const topic of ["data/plant1/line1/press-1/x", "cmd/plant1/line1/press-1/x", "line/plant1/line2/a/b"])
    await say("mqtt", { topic, payload: "{}" });
  await say("mqtt", { topic: "agv/1/order", payload: 5 });
  expect(published).toEqual([
    ["line/plant1/line1/weld/prepare", "{}"],
    ["agv/1/order", "{}"],
  ]);
  expect(told).toEqual([{ station: "weld", event: "prepare" }]);
  expect(log.lines).toHaveLength(4);
  expect(await say("mqtt", { topic: "agv/1/order", payload: "{}" })).toBe('{"ok":true}');
  expect(await say("mqtt", { topic: "data/plant1/line1/press-1/x", payload: "{}" })).toBe('{"ok":false}');
  expect(await say("mqtt", "no object")).toBe('{"ok":false}');
});

test("states of alerts are retained, and cleared where an alert is gone", async () => {
  const { say, published, recorded } = bridge("alerting");
  await say("mqtt", { topic: "alert/plant1/line1/trip", payload: "{}" });
  await say("mqtt", { topic: "alert/plant1/line1/trip", payload: "" });
  await say("mqtt", { topic: "line/plant1/line1/weld/prepare", payload: "{}" });
  await say("mqtt", { topic: "andon/1", payload: "{}" });
  await say("mqtt", { topic: "event/plant1/line1/alerting/action-failed", payload: "{}" });
  await say("mqtt", { topic: "event/plant1/line1/press-1/x", payload: "{}" });
  expect(published).toEqual([
    ["alert/plant1/line1/trip", "{}", "retained"],
    ["alert/plant1/line1/trip", "cleared"],
    ["andon/1", "{}"],
    ["event/plant1/line1/alerting/action-failed", "{}"],
  ]);
  expect(await say("audit", { kind: "alert", entry: { action: "acknowledge" } })).toBe('{"ok":true}');
  expect(await say("audit", { kind: "line", entry: {} })).toBe('{"ok":false}');
  expect(recorded).toEqual([["alert", { action: "acknowledge" }]]);
});

test("requests of the line are put into the audit, and nothing of another kind", async () => {
  const { say, recorded } = bridge();
  expect(await say("audit", { kind: "line", entry: { action: "hold" } })).toBe('{"ok":true}');
  expect(await say("audit", { kind: "write", entry: { value: 1 } })).toBe('{"ok":false}');
  expect(await say("audit", 5)).toBe('{"ok":false}');
  expect(recorded).toEqual([["line", { action: "hold" }]]);
});

test("what the trail itself says of an entry is not taken from outside: the chain stays whole, and the kind what it is", async () => {
  const { say, recorded } = bridge();
  const entry = { action: "hold", sequence: 7, timestamp: 1, kind: "write", hash: "0" };
  expect(await say("audit", { kind: "line", entry })).toBe('{"ok":true}');
  expect(recorded).toEqual([["line", { action: "hold" }]]);
});

test("what the service writes goes out in its name and no other, as a claim, and is answered", async () => {
  const { say, orders } = bridge("alerting");
  const order = { tag: "press-1/motor/setpoint", value: 900, why: "trip raised", expiresInMs: 50 };
  expect(await say("write", { ...order, by: "anna", claimed: false })).toBe(
    '{"ok":true,"readBack":900,"tookMs":3}',
  );
  expect(orders).toEqual([{ ...order, by: "service:alerting", claimed: true }]);
  for (const wrong of [{ value: 1 }, { tag: "", value: 1 }, { tag: "press-1/x" }, 5])
    expect(JSON.parse(await say("write", wrong))).toMatchObject({
      ok: false,
      code: "WRITE_REFUSED",
      reason: "request",
    });
  expect(orders).toHaveLength(1);
});

test("whoever asks gets the states of the devices, until the stop", async () => {
  const { subject, handlers, say } = bridge();
  expect(await say("states", "")).toBe('{"press-1":"online"}');
  await subject.stop();
  expect(handlers.size).toBe(0);
});

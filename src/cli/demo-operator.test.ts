import type { NatsConnection } from "@nats-io/transport-node";
import { expect, test } from "vitest";
import type { DescribedAlert } from "../services/alerting/describe.ts";
import { alertsOf, rule, slowDown } from "../services/alerting/testing.ts";
import { DemoOperator } from "./demo-operator.ts";

const normal: DescribedAlert = {
  alert: "overpressure",
  state: "normal",
  event: null,
  priority: "critical",
  message: "",
  source: null,
  value: null,
  timestamp: null,
  raisedAt: null,
  count: 0,
  sequence: 0,
};
const raised = { ...normal, state: "unacknowledged", timestamp: 10_000 };
const latched = { ...normal, state: "latched-acknowledged", timestamp: 10_000 };

/** An operator before one alert, and what was asked of NATS. */
function atPanel(reply: object = { ok: true }) {
  const asked: string[] = [];
  const now = { alert: normal, time: 15_000, setpoint: 1_200 };
  const request = async (subject: string, payload: string) => {
    asked.push(`${subject} ${payload}`);
    return Promise.resolve({ json: () => reply });
  };
  const operator = new DemoOperator({
    site: {
      gateway: { gateway: "line1-gw", site: "plant1/line1" } as never,
      alerts: alertsOf(rule({ actions: [slowDown] })),
    },
    alerts: () => [now.alert],
    valueOf: () => now.setpoint,
    now: () => now.time,
    connection: { request } as unknown as NatsConnection,
  });
  return { operator, asked, now };
}

const acknowledged = 'alerting.line1-gw.acknowledge {"alert":"overpressure","by":"demo operator"}';

test("what was raised is acknowledged after a look at it", async () => {
  const { operator, asked, now } = atPanel();
  now.alert = raised;
  now.time = 14_999;
  await operator.look();
  expect(asked).toEqual([]);
  now.time = 15_000;
  await operator.look();
  expect(asked).toEqual([acknowledged]);
  expect(operator.lastDeed).toBe("acknowledged overpressure by NATS request");
});

test("what is held is reset, and what the alert has written is set to what it was before", async () => {
  const { operator, asked, now } = atPanel();
  await operator.look();
  now.alert = latched;
  now.setpoint = 300;
  await operator.look();
  expect(asked).toEqual([
    'alerting.line1-gw.reset {"alert":"overpressure","by":"demo operator"}',
    'cmd.plant1.line1.press-1.setpoint {"value":1200}',
  ]);
  expect(operator.lastDeed).toBe("reset overpressure by NATS request, set press-1/setpoint to 1200 again");
});

test("what stands and is acknowledged is left alone", async () => {
  const { operator, asked, now } = atPanel();
  now.alert = { ...raised, state: "acknowledged" };
  await operator.look();
  expect(asked).toEqual([]);
});

test("a request that is refused is told as that", async () => {
  const { operator, now } = atPanel({ ok: false, message: "is shelved" });
  now.alert = raised;
  await operator.look();
  expect(operator.lastDeed).toBe("acknowledged overpressure by NATS request: is shelved");
});

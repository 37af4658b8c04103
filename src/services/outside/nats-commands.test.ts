import { expect, test } from "vitest";
import { systemClock } from "../../adapter-kit/clock.ts";
import { ms } from "../../domain/duration.ts";
import { GatewayError } from "../../domain/errors.ts";
import { NatsCommands } from "./nats-commands.ts";

function commands(request: (subject: string, payload: string) => string) {
  const away: string[] = [];
  const port = new NatsCommands({
    subject: "bridge.gw.alerting.write",
    deadline: ms(2_000),
    link: { request: async (subject, payload) => Buffer.from(request(subject, String(payload))) },
    clock: systemClock,
    onAway: () => void away.push("away"),
  });
  return { port, away };
}

const order = { tag: "press-1/motor/setpoint", value: 600, by: "service:alerting", why: "trip raised" };

test("a write is asked for where only this service asks, and answered as the gateway says", async () => {
  const asked: unknown[] = [];
  const { port, away } = commands((subject, payload) => {
    asked.push([subject, payload]);
    return '{"ok":false,"code":"WRITE_REFUSED","reason":"busy","message":"…","tookMs":1}';
  });
  expect(await port.write({ ...order, value: 2n ** 60n, expiresInMs: 5 })).toMatchObject({
    ok: false,
    reason: "busy",
  });
  expect(asked).toEqual([
    [
      "bridge.gw.alerting.write",
      '{"tag":"press-1/motor/setpoint","why":"trip raised","expiresInMs":5,"value":"1152921504606846976"}',
    ],
  ]);
  expect(away).toEqual([]);
});

test("while the gateway is away its devices are: nothing was written, and it may be tried again when they are back", async () => {
  const { port, away } = commands(() => {
    throw new GatewayError("UPLINK_UNAVAILABLE", "Nobody answers there", { context: { sent: false } });
  });
  expect(await port.write(order)).toMatchObject({
    ok: false,
    code: "DEVICE_UNREACHABLE",
    reason: "device-unreachable",
    message: expect.stringContaining("Nothing was written"),
  });
  expect(away).toEqual(["away"]);
});

test("a write that was asked for and not answered may have been made", async () => {
  const { port, away } = commands(() => {
    throw new GatewayError("UPLINK_UNAVAILABLE", "timeout");
  });
  expect(await port.write(order)).toMatchObject({
    ok: false,
    code: "DEVICE_TIMEOUT",
    reason: "device-timeout",
    message: expect.stringContaining("may have been written all the same"),
  });
  expect(away).toEqual(["away"]);
});

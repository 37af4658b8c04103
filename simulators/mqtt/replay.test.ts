import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../src/adapter-kit/clock.ts";
import { startBroker } from "../../src/broker/testing.ts";
import type { Recording } from "../../src/trace/frame-reader.ts";
import { replay } from "../site/replayer.ts";

const recording: Recording = {
  header: {
    linegate: "frames",
    version: 1,
    device: "agv-1",
    adapter: "mqtt",
    startedAt: 0,
    mapping: { connection: { clientId: "agv-7" } },
  },
  frames: [
    { t: 500, direction: "received", channel: "agv/1/state", bytes: Buffer.from("one") },
    { t: 510, direction: "sent", channel: "agv/1/order", bytes: Buffer.from("go") },
    { t: 520, direction: "received", channel: "agv/1/state", bytes: Buffer.from("two") },
  ],
  torn: false,
};

test("a recorded device publishes again what it said, as the client that it was", async () => {
  const { broker, port } = await startBroker();
  const heard: string[] = [];
  const clients: string[] = [];
  broker.subscribe("agv/#", ({ topic, payload, clientId }) =>
    heard.push(`${clientId} ${topic} ${payload.toString()}`),
  );
  broker.onClient((id, connected) => void (connected && clients.push(id)));
  const options = { broker: `mqtt://127.0.0.1:${port}`, clock: systemClock, speed: 1 };
  const running = await replay(recording, options);
  onTestFinished(() => running[Symbol.asyncDispose]());
  await expect.poll(() => heard).toEqual(["agv-7 agv/1/state one", "agv-7 agv/1/state two"]);
  expect(clients).toEqual(["agv-7"]);
  expect(running.place).toContain("client agv-7");
});

test("without a broker it says what is missing", async () => {
  await expect(replay(recording, { clock: systemClock, speed: 1 })).rejects.toThrow("--broker");
});

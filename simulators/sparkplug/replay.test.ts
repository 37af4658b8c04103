import { expect, test } from "vitest";
import { deviceOf } from "../../adapters/sparkplug/mapping-fixture.ts";
import { runOn, startNode } from "../../adapters/sparkplug/testing.ts";
import { startBroker } from "../../src/broker/testing.ts";
import type { RecordingContext } from "../../src/adapter-kit/testing.ts";
import { recordingOf, replayed } from "../site/recording-fixture.ts";

/** Patient: births that follow each other late are none the worse here. */
const mapping = deviceOf(
  { pressure: { metric: "Pressure" }, setpoint: { metric: "Setpoint" } },
  { reorder: "5s", rebirth: "20s" },
);
const told = ({ batches }: RecordingContext) =>
  batches
    .flat()
    .map(
      ({ tag, value, quality, sourceTimestamp }) =>
        `${tag} ${JSON.stringify(value)} ${quality} ${sourceTimestamp}`,
    );

/** The press recorded from its birth to its death, two values between them, beside a pump that is talkative. */
async function recordedPress() {
  const { broker, node, start } = await startNode();
  const { context, end } = await runOn(broker, mapping);
  start();
  await expect.poll(() => context.goodTags()).toHaveLength(2);
  for (const value of [190, 191]) {
    node.set("pump", "Flow", value);
    node.set("press", "Pressure", value);
    await expect.poll(() => context.latest.get("pressure")?.value).toBe(value);
  }
  await node.stop();
  await expect.poll(() => context.losses).toHaveLength(1);
  await end();
  return { context, recording: recordingOf(mapping, context) };
}

test("a recorded device is born, tells its values with their times and dies again", async () => {
  const { context, recording } = await recordedPress();
  const { broker, port } = await startBroker();
  const { context: after } = await runOn(broker, mapping);
  const { place } = await replayed(recording, { broker: `mqtt://127.0.0.1:${port}` });
  expect(place).toContain("Sparkplug plant/edge-1");
  await expect.poll(() => after.losses).toHaveLength(1);
  const before = told(context);
  // The births that were asked for besides say nothing new.
  expect([...new Set(told(after))]).toEqual([...new Set(before)]);
  expect(after.losses[0]?.message).toContain("NDEATH");
  expect(after.faults).toEqual(new Map());
});

test("a replay answers a request for a rebirth with the recorded births", async () => {
  const { recording } = await recordedPress();
  const living = recording.frames.filter(({ channel }) => !channel.includes("NDEATH"));
  const held = living.map((frame, index) => ({ ...frame, t: index < 2 ? 0 : 60_000 }));
  const { broker, port } = await startBroker();
  const births: string[] = [];
  broker.subscribe("spBv1.0/plant/DBIRTH/#", ({ topic }) => void births.push(topic));
  await replayed({ ...recording, frames: held }, { broker: `mqtt://127.0.0.1:${port}` });
  await expect.poll(() => births).toHaveLength(1);
  const { context } = await runOn(broker, mapping);
  await expect.poll(() => context.goodTags()).toHaveLength(2);
  expect(context.latest.get("pressure")?.value).toBe(182.4);
  expect(births).toHaveLength(2);
});

test("a replay that ends says so as its node would", async () => {
  const { recording } = await recordedPress();
  const { broker, port } = await startBroker();
  const { context } = await runOn(broker, mapping);
  const living = recording.frames.filter(({ channel }) => !channel.includes("NDEATH"));
  const running = await replayed({ ...recording, frames: living }, { broker: `mqtt://127.0.0.1:${port}` });
  await expect.poll(() => context.goodTags()).toHaveLength(2);
  await running[Symbol.asyncDispose]();
  await expect.poll(() => context.losses.length).toBeGreaterThan(0);
});

test("a recording without a birth certificate is refused in words", async () => {
  const { recording } = await recordedPress();
  const unborn = recording.frames.filter(({ channel }) => !channel.includes("BIRTH"));
  await expect(replayed({ ...recording, frames: unborn }, { broker: "mqtt://127.0.0.1:1" })).rejects.toThrow(
    "no whole birth certificate",
  );
});

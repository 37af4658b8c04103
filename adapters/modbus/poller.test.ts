import { expect, test } from "vitest";
import { systemClock } from "../../src/adapter-kit/clock.ts";
import { RecordingContext } from "../../src/adapter-kit/testing.ts";
import { ModbusBus } from "./bus.ts";
import { deviceOf } from "./mapping-fixture.ts";
import { Poller } from "./poller.ts";
import { ReadPlan } from "./read-plan.ts";

test("a session that is over is not remembered by a connection that lives on", async () => {
  const context = new RecordingContext();
  const device = deviceOf([]);
  const listeners = new Set<unknown>();
  const poller = new Poller({
    tags: [],
    plan: new ReadPlan([], device),
    bus: new ModbusBus(device.connection, systemClock),
    member: { connection: device.connection, context },
    connection: {
      onEnd: (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    context,
  });
  const stop = new AbortController();
  const run = poller.run(stop.signal);
  expect(listeners.size).toBe(1);
  stop.abort();
  await run;
  expect(listeners.size).toBe(0);
});

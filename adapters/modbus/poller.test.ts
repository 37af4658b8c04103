import { expect, test } from "vitest";
import { systemClock } from "../../src/adapter-kit/clock.ts";
import { RecordingContext } from "../../src/adapter-kit/testing.ts";
import { ModbusBus, type BusJob } from "./bus.ts";
import { deviceOf } from "./mapping-fixture.ts";
import { Poller } from "./poller.ts";
import { compileTags } from "./polled-tag.ts";
import { ReadPlan } from "./read-plan.ts";
import { every, tagsOf } from "./testing.ts";

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

test("event tags are asked for in a rank of their own, in requests of their own", async () => {
  const context = new RecordingContext();
  const poll = every(1_000);
  const [done, ...others] = tagsOf({ done: "holding:1", speed: "holding:0", force: "holding:2" }, poll);
  if (done === undefined) return;
  const event = { ...done, options: { ...done.options, event: true } };
  const device = deviceOf([event, ...others]);
  const ranks: number[] = [];
  class NotedBus extends ModbusBus {
    override submit<T>(job: BusJob<T>): Promise<T> {
      ranks.push(job.rank);
      return new Promise((_resolve, reject) => {
        job.signal.addEventListener("abort", () => reject(job.signal.reason as Error));
      });
    }
  }
  const tags = compileTags(device);
  const poller = new Poller({
    tags,
    plan: new ReadPlan(tags, device),
    bus: new NotedBus(device.connection, systemClock),
    member: { connection: device.connection, context },
    connection: { onEnd: () => () => undefined },
    context,
  });
  const stop = new AbortController();
  const run = poller.run(stop.signal);
  expect(ranks).toEqual([1, 2]);
  stop.abort();
  await run;
});

import { expect, test, vi } from "vitest";
import { RecordingContext } from "../../src/adapter-kit/testing.ts";
import { RangeExaminer } from "./examiner.ts";
import { deviceOf } from "./mapping-fixture.ts";
import { compileTags } from "./polled-tag.ts";
import { ReadPlan } from "./read-plan.ts";
import type { Outcome } from "./request.ts";
import { every, tagsOf } from "./testing.ts";

const refusal: Outcome = { kind: "exception", code: 2 };

test("an examination that the end of the session cuts short tells nothing of the mapping", async () => {
  const context = new RecordingContext();
  const device = deviceOf(tagsOf({ a: "holding:0", b: "holding:1", c: "coil:0" }, every(20)));
  const tags = compileTags(device);
  const plan = new ReadPlan(tags, device);
  const ending = new AbortController();
  const examiner = new RangeExaminer({
    plan,
    clock: context.clock,
    log: context.log,
    signal: ending.signal,
    timeoutMs: 10,
    read: async (request) => {
      if (request.start === 0) return refusal;
      ending.abort(new Error("the connection was lost"));
      throw ending.signal.reason;
    },
    emit: (samples) => context.emit(samples),
  });
  const [registers, coil] = plan.requests(tags).toSorted((one, other) => other.length - one.length);
  if (registers === undefined || coil === undefined) throw new Error("two tables make two requests");
  examiner.examine(registers, refusal);
  examiner.examine(coil, refusal);
  await vi.waitFor(() => expect(tags.some((tag) => plan.isExamined(tag))).toBe(false));
  expect(context.logged).toEqual([]);
  expect(context.batches.flat().map(({ tag }) => tag)).toEqual(["a"]);
});

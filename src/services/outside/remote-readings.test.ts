import { expect, test } from "vitest";
import { encodeReading, type PublishedReading } from "../../domain/reading.ts";
import { TagPath } from "../../domain/tag-path.ts";
import { FakeClock } from "../testing.ts";
import { RemoteReadings } from "./remote-readings.ts";

const path = new TagPath("data", "line1", "press/done");

function wire(value: unknown, sequence: number, timestamp = sequence): Buffer {
  const reading = { path, value: value as boolean, quality: "good", timestamp, sequence, readAt: 0 } as const;
  return Buffer.from(encodeReading(reading));
}

/** Readings over a link of which the test is the other end. */
function remote(latest?: Buffer) {
  const clock = new FakeClock();
  const handlers = new Map<string, (message: { data: Uint8Array }) => void>();
  const readings = new RemoteReadings({
    site: "line1",
    clock,
    link: {
      subscribe: (subject, handler) => {
        const call = ({ data }: { data: Uint8Array }) => handler({ subject, data, respond: () => true });
        handlers.set(subject, call);
        return () => handlers.delete(subject);
      },
      request: async () => {
        if (latest === undefined) return Buffer.from('{"error":{"code":404,"err_code":10037}}');
        return Buffer.from(JSON.stringify({ message: { data: latest.toString("base64") } }));
      },
    },
  });
  const told: PublishedReading[] = [];
  readings.readings$.subscribe((reading) => void told.push(reading));
  readings.follow(new Set(["press/done"]));
  const story = () =>
    told.map(({ reading: { value, quality }, recalled }) => [value, quality, recalled ?? false]);
  return {
    readings,
    handlers,
    story,
    say: (data: Buffer) => handlers.get("data.line1.press.done")?.({ data }),
  };
}

test("the first value comes out of LATEST, and is told as one of before", async () => {
  const { readings, story, say } = remote(wire(true, 5));
  await readings.recall();
  await readings.recall();
  say(wire(false, 6));
  expect(story()).toEqual([
    [true, "good", true],
    [false, "good", false],
  ]);
});

test("what was published meanwhile is newer than LATEST, and what is published again is nothing new", async () => {
  const { readings, story, say } = remote(wire(true, 5));
  say(wire(false, 6));
  await readings.recall();
  say(wire(false, 6));
  expect(story()).toEqual([[false, "good", true]]);
});

test("after a gap a tag is bad until it is heard of again, and that may be of before the gap", async () => {
  const { readings, story, say } = remote();
  say(wire(true, 1));
  readings.lose();
  readings.lose();
  await readings.recall();
  say(wire(true, 1));
  say(wire(true, 2));
  expect(story()).toEqual([
    [true, "good", true],
    [null, "bad", false],
    [true, "good", true],
    [true, "good", false],
  ]);
});

test("what is no reading is let be, and a tag that is not followed any more is not heard", () => {
  const { readings, handlers, story, say } = remote();
  say(Buffer.from("{"));
  say(Buffer.from('{"value":1}'));
  readings.follow(new Set(["press/count"]));
  expect([...handlers.keys()]).toEqual(["data.line1.press.count"]);
  expect(story()).toEqual([]);
});

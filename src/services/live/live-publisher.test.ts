import { expect, test } from "vitest";
import { encodeReading, type Reading } from "../../domain/reading.ts";
import { TagPath } from "../../domain/tag-path.ts";
import { LastValues } from "./last-values.ts";
import { LivePublisher } from "./live-publisher.ts";

function setUp(tags: number) {
  const sent: string[] = [];
  const room = { left: Number.POSITIVE_INFINITY };
  const last = new LastValues();
  const link = {
    publish: (subject: string) => {
      if (room.left === 0) return false;
      room.left -= 1;
      sent.push(subject);
      return true;
    },
  };
  const clock = { now: () => 0, monotonic: () => 0, sleep: async () => {} };
  const live = new LivePublisher(link, last, clock);
  const publish = (name: string) => {
    const reading: Reading = {
      path: new TagPath("data", "line1", name),
      value: 1,
      quality: "good",
      timestamp: 0,
      sequence: 1,
      readAt: 0,
    };
    const json = encodeReading(reading);
    last.set(reading.path, json);
    live.publish({ reading, json, payload: Buffer.from(json) });
  };
  const names = Array.from({ length: tags }, (_, index) => `t${index}`);
  for (const name of names) publish(name);
  sent.length = 0;
  return { live, last, room, sent, publish, names };
}

test("a refill that the link takes in parts gives every tag once", () => {
  const { live, room, sent, names } = setUp(10);
  room.left = 4;
  live.refill("all");
  room.left = 4;
  live.refill("missed");
  room.left = 4;
  live.refill("missed");
  expect(sent.sort()).toEqual(names.map((name) => `data.line1.${name}`).sort());
});

test("after drops just the readings that were dropped are made good", () => {
  const { live, room, sent, publish } = setUp(10);
  room.left = 0;
  publish("t3");
  publish("t7");
  publish("t3");
  room.left = Number.POSITIVE_INFINITY;
  publish("t7");
  live.refill("missed");
  expect(sent).toEqual(["data.line1.t7", "data.line1.t3"]);
});

test("a tag that is gone meanwhile is not refilled", () => {
  const { live, last, room, sent, publish } = setUp(2);
  room.left = 0;
  publish("t0");
  last.delete("data/line1/t0");
  room.left = Number.POSITIVE_INFINITY;
  live.refill("missed");
  expect(sent).toEqual([]);
});

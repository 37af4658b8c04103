import { expect, test } from "vitest";
import { ForwardLive } from "./forward-live.ts";
import type { NatsHandler } from "./subscriptions.ts";

/** What comes out at the hub of what is said at the gateway. */
function forwarded(filters: readonly string[], said: readonly string[], takes = true) {
  const listeners: { prefix: string; handler: NatsHandler }[] = [];
  const atHub: string[] = [];
  const live = new ForwardLive({
    filters,
    site: "plant1/line1",
    local: {
      subscribe: (subject, handler) => {
        listeners.push({ prefix: subject.slice(0, -1), handler });
        return () => undefined;
      },
    },
    hub: {
      publish: (subject) => {
        if (takes) atHub.push(subject);
        return takes;
      },
    },
  });
  live.start();
  for (const subject of said)
    for (const { prefix, handler } of listeners)
      if (subject.startsWith(prefix)) handler({ subject, data: Buffer.from("{}"), respond: () => false });
  return { atHub, sent: live.sent, listens: listeners.length };
}

const said = [
  "data.plant1.line1.press-1.speed",
  "data.plant1.line1.press-2.speed",
  "data.plant1.line2.press-1.speed",
  "state.plant1.line1.press-1",
  "alert.plant1.line1.high",
];

test("what matches a filter crosses over, once, and only of this gateway's place", () => {
  const overlapping = ["data/#", "data/plant1/line1/press-1/#", "data/plant1/+/+/speed"];
  expect(forwarded(overlapping, said).atHub).toEqual(said.slice(0, 2));
  expect(forwarded(["data/plant1/line1/press-1/#", "data/+/line1/+/speed"], said).atHub).toEqual(
    said.slice(0, 2),
  );
  expect(forwarded(["data/plant1/line1/press-2/+", "state/#"], said).atHub).toEqual([said[1], said[3]]);
});

test("without filters nothing is listened to", () => {
  expect(forwarded([], said)).toEqual({ atHub: [], sent: 0, listens: 0 });
});

test("what the connection does not take at once is not counted as sent", () => {
  expect(forwarded(["data/#"], said)).toMatchObject({ sent: 2 });
  expect(forwarded(["data/#"], said, false)).toMatchObject({ atHub: [], sent: 0 });
});

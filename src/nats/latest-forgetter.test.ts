import { expect, test, vi } from "vitest";
import { LatestForgetter } from "./latest-forgetter.ts";

const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

function setUp() {
  const values = new Set<string>();
  const purged: string[] = [];
  const republished: string[] = [];
  const warnings: string[] = [];
  const link = { away: false, onPurge: (_subject: string) => {} };
  const forgetter = new LatestForgetter({
    link: {
      request: async (_, payload) => {
        if (link.away) throw new Error("no connection");
        const { filter } = JSON.parse(payload.toString()) as { filter: string };
        link.onPurge(filter);
        purged.push(filter);
        return Buffer.from("{}");
      },
    },
    hasValue: (subject) => values.has(subject),
    republish: (subject) => void republished.push(subject),
    log: { ...quiet, warn: (_, text) => void warnings.push(text) },
  });
  return { values, purged, republished, warnings, link, forgetter };
}

test("the last readings of tags that are gone are purged, those of tags that are back are not", async () => {
  const { values, purged, forgetter } = setUp();
  values.add("data.b");
  forgetter.forget(["data.a", "data.b", "data.c"]);
  await vi.waitFor(() => expect(purged).toEqual(["data.a", "data.c"]));
});

test("a reading that came during its purge is published again", async () => {
  const { values, republished, link, forgetter } = setUp();
  link.onPurge = (subject) => void values.add(subject);
  forgetter.forget(["data.a"]);
  await vi.waitFor(() => expect(republished).toEqual(["data.a"]));
});

test("what could not be purged while nats-server was away is purged when it is back, and told once", async () => {
  const { purged, warnings, link, forgetter } = setUp();
  link.away = true;
  forgetter.forget(["data.a", "data.b"]);
  await vi.waitFor(() => expect(warnings).toHaveLength(1));
  forgetter.retry();
  await new Promise((resolve) => setImmediate(resolve));
  link.away = false;
  forgetter.retry();
  await vi.waitFor(() => expect(purged).toEqual(["data.a", "data.b"]));
  expect(warnings).toHaveLength(1);
});

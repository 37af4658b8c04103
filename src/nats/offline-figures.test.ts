import { expect, test } from "vitest";
import { figuresOf, isKeptWhole, type StreamLook } from "./offline-figures.ts";
import { Slope } from "./slope.ts";

const none = { rows: 0, bytes: 0 };
const quiet: StreamLook = {
  outbox: none,
  stream: none,
  streamRoom: 1_000_000,
  isKeptWhole: false,
  oldest: undefined,
  bytesPerSecond: 0,
};
const limits = { maxBytes: 1_000_000, whenFull: "oldest" } as const;
const look = (batches: Partial<StreamLook>, events: Partial<StreamLook> = {}) => ({
  EVENTS: { ...quiet, ...events },
  BATCHES: { ...quiet, ...batches },
});

test("with a hub the room is the stream's, and lasts as long as its own rate lets it", () => {
  const looks = look({ stream: { rows: 10, bytes: 400_000 }, bytesPerSecond: 100, oldest: 5 });
  const figures = figuresOf(looks, limits, "hub", true);
  expect(figures).toMatchObject({ messages: 10, bytes: 400_000, fill: 0.4, left: 6_000, oldest: 5 });
  expect(figures.streams.EVENTS.left).toBe(Infinity);
});

test("while nats-server is away it is the outbox's, which both share, batches nine tenths of it", () => {
  const looks = look(
    { outbox: { rows: 1, bytes: 450_000 }, bytesPerSecond: 30 },
    { outbox: { rows: 2, bytes: 90_000 }, bytesPerSecond: 10 },
  );
  const { streams, fill, left } = figuresOf(looks, limits, "nats", true);
  expect(fill).toBe(0.6);
  expect(left).toBe(9_000);
  expect(streams.EVENTS.left).toBe(11_500);
});

test("a stream is kept whole with newest where the hub is known, and under any policy for what was promised beyond its place", () => {
  expect(isKeptWhole("newest", { seq: 5, isKnown: true }, 0)).toBe(true);
  expect(isKeptWhole("newest", { seq: 5, isKnown: false }, 0)).toBe(false);
  expect(isKeptWhole("oldest", { seq: 5, isKnown: true }, 5)).toBe(false);
  for (const policy of ["oldest", "newest", "thin"] as const)
    expect(isKeptWhole(policy, { seq: 5, isKnown: false }, 6)).toBe(true);
});

test("where the stream is kept whole the outbox comes after it: the room is that of both", () => {
  const looks = look({ stream: { rows: 1, bytes: 400_000 }, bytesPerSecond: 100, isKeptWhole: true });
  const { BATCHES } = figuresOf(looks, limits, "hub", true).streams;
  expect(BATCHES.left).toBe((500_000 + 900_000) / 100);
  expect(BATCHES.fill).toBeCloseTo(400 / 1_800);
});

test("without a hub only the outbox waits, and what is not known yet is not said", () => {
  const figures = figuresOf(look({ bytesPerSecond: undefined }), limits, "none", false);
  expect(figures).toMatchObject({ messages: 0, fill: 0, left: undefined });
});

test("a slope is that of its span, and nothing before there is enough of it", () => {
  const slope = new Slope(10_000, 4_000);
  slope.add(0, 0);
  slope.add(3_000, 600);
  expect(slope.perSecond).toBeUndefined();
  slope.add(5_000, 1_000);
  expect(slope.perSecond).toBe(200);
  slope.add(14_000, 1_000);
  expect(slope.perSecond).toBe(0);
});

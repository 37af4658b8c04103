import fc from "fast-check";
import { expect, test } from "vitest";
import { inBatches } from "./batches.ts";
import { ServiceFaultError } from "./channel.ts";
import { Limits } from "./limits.ts";

const limits = (read: number) => new Limits({ read, browse: 1, translate: 1, monitor: 1 });

/** A server that takes `most` at once, and can't answer where one of `broken` is asked for. */
function server({ most, broken }: { readonly most: number; readonly broken: ReadonlySet<number> }) {
  const seen = { calls: 0, longest: 0 };
  const call = async (batch: readonly number[]) => {
    seen.calls += 1;
    seen.longest = Math.max(seen.longest, batch.length);
    if (batch.length > most) throw new ServiceFaultError("BadTooManyOperations", "too many");
    if (batch.some((one) => broken.has(one))) throw new ServiceFaultError("BadInternalError", "broken");
    return batch.map((one) => `${one}`);
  };
  return { seen, call };
}

const refused = (_one: number, status: string) => status;

test("whatever is at fault is refused alone, and the others are answered, within twice as many requests", async () => {
  const cases = fc.record({
    count: fc.nat(120),
    most: fc.integer({ min: 1, max: 150 }),
    told: fc.integer({ min: 1, max: 150 }),
    broken: fc.uniqueArray(fc.nat(119)),
  });
  await fc.assert(
    fc.asyncProperty(cases, async ({ count, most, told, broken }) => {
      const all = Array.from({ length: count }, (_none, index) => index);
      const { seen, call } = server({ most, broken: new Set(broken) });
      const results = await inBatches(all, { limits: limits(told), service: "read", call, refused });
      expect(results).toEqual(all.map((one) => (broken.includes(one) ? "BadInternalError" : `${one}`)));
      expect(seen.calls).toBeLessThanOrEqual(2 * count);
    }),
  );
});

test("a server that takes less than it says is asked for less from then on", async () => {
  const all = Array.from({ length: 1_000 }, (_none, index) => index);
  const learnt = limits(500);
  const first = server({ most: 100, broken: new Set() });
  await inBatches(all, { limits: learnt, service: "read", call: first.call, refused });
  expect(first.seen.calls).toBe(3 + 16);
  const second = server({ most: 100, broken: new Set() });
  await inBatches(all, { limits: learnt, service: "read", call: second.call, refused });
  expect(second.seen).toEqual({ calls: 16, longest: 63 });
});

test("answers that are too large make batches smaller; one value that is too large does not", async () => {
  const all = Array.from({ length: 64 }, (_none, index) => index);
  const tooLarge = (when: (batch: readonly number[]) => boolean) => async (batch: readonly number[]) => {
    if (when(batch)) throw new ServiceFaultError("BadResponseTooLarge", "too large");
    return batch.map((one) => `${one}`);
  };
  const [many, one] = [limits(64), limits(64)];
  await inBatches(all, {
    limits: many,
    service: "read",
    call: tooLarge(({ length }) => length > 20),
    refused,
  });
  expect(many.of("read")).toBe(16);
  const call = tooLarge((batch) => batch.includes(40));
  const results = await inBatches(all, { limits: one, service: "read", call, refused });
  expect(results.filter((result) => result === "BadResponseTooLarge")).toHaveLength(1);
  expect(one.of("read")).toBe(64);
});

test("a server that does not do it at all is not asked for each node", async () => {
  const all = Array.from({ length: 5_000 }, (_none, index) => index);
  for (const [status, most] of [
    ["BadServiceUnsupported", 10],
    ["BadInternalError", 150],
  ] as const) {
    let calls = 0;
    const call = async () => {
      calls += 1;
      throw new ServiceFaultError(status, status);
    };
    const results = await inBatches(all, { limits: limits(500), service: "read", call, refused });
    expect(new Set(results)).toEqual(new Set([status]));
    expect(calls).toBeLessThanOrEqual(most + 200);
  }
});

test("a fault of the session is one of the connection", async () => {
  const call = async () => {
    throw new ServiceFaultError("BadSessionIdInvalid", "gone");
  };
  const asked = inBatches([1, 2], { limits: limits(2), service: "read", call, refused });
  await expect(asked).rejects.toMatchObject({ status: "BadSessionIdInvalid" });
});

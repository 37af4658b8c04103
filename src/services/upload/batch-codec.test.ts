import { crc32, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { GatewayError } from "../../domain/errors.ts";
import type { Batch } from "./batch.ts";
import { decodeBatch, encodeBatch } from "./batch-codec.ts";
import { packBatch, unpackBatch } from "./pack.ts";
import { batches } from "./testing.ts";

const head = { gateway: "line1-gw", site: "plant1", epoch: "e", stream: "telemetry", batch: 7 };

function batchOf(values: Batch["series"][number]["columns"][number]["values"]): Batch {
  const times = values.map((_, index) => 1_795_370_000_000 + 50 * index);
  const qualities = values.map(() => "good" as const);
  const statuses = values.map(() => null);
  return {
    ...head,
    series: [{ tag: "press-1/x", times, qualities, statuses, columns: [{ name: "value", values }] }],
  };
}

/** As `decodeBatch` ends: a batch, or the one error. */
function outcome(bytes: Buffer, read = decodeBatch): string {
  try {
    read(bytes);
    return "read";
  } catch (caught) {
    return caught instanceof GatewayError ? caught.code : String(caught);
  }
}

test("every batch comes back to the last bit, packed too", async () => {
  await fc.assert(
    fc.asyncProperty(batches, async (batch) => {
      expect(decodeBatch(encodeBatch(batch))).toStrictEqual(batch);
      expect(unpackBatch(await packBatch(batch))).toStrictEqual(batch);
    }),
  );
});

test.each([
  [[9_007_199_254_740_993n, -9_223_372_036_854_775_808n, 18_446_744_073_709_551_615n, 2n ** 70n]],
  [[-0, 0, 1]],
  [[Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2 ** 52 + 1]],
  [[0.1, 0.2, 0.1 + 0.2, 1e-300, 5e-324]],
  [[NaN, Infinity, -Infinity]],
  [["\ud800 half a character", "", "Stale"]],
])("what tempts a codec comes back: %s", (values) => {
  expect(decodeBatch(encodeBatch(batchOf(values))).series[0]?.columns[0]?.values).toStrictEqual(values);
});

test("a reading of a sensor with two decimals takes less than a byte", async () => {
  let seed = 1;
  const noise = () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
  const values = Array.from({ length: 4_000 }, (_, index) =>
    Number((180 + 2 * Math.sin(index / 200) + 0.05 * (noise() + noise() - 1)).toFixed(2)),
  );
  const packed = await packBatch(batchOf(values));
  expect(packed.length).toBeLessThan(values.length);
});

test("a version that is not known is refused by name", () => {
  const bytes = encodeBatch(batchOf([1]));
  bytes[3] = 9;
  expect(() => decodeBatch(bytes)).toThrow(/version 9, and this program knows version 1/);
});

test("what is cut off or changed by one bit is refused", async () => {
  const bytes = encodeBatch(batchOf([1.5, "a", null, 7n]));
  const packed = await packBatch(batchOf([1.5, "a", null, 7n]));
  for (let length = 0; length < bytes.length; length += 1)
    expect(outcome(bytes.subarray(0, length))).toBe("PROTOCOL_VIOLATION");
  for (let length = 0; length < packed.length; length += 1)
    expect(outcome(packed.subarray(0, length), unpackBatch)).toBe("PROTOCOL_VIOLATION");
  for (let bit = 0; bit < 8 * bytes.length; bit += 1) {
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(outcome(flipped)).toBe("PROTOCOL_VIOLATION");
  }
});

test("bytes that somebody chose, their checksum right, are read or refused and nothing else", () => {
  const sealed = (body: Buffer) => {
    const check = Buffer.alloc(4);
    check.writeUInt32LE(crc32(body));
    return Buffer.concat([body, check]);
  };
  const change = fc.record({ at: fc.nat(), to: fc.integer({ min: 0, max: 255 }) });
  fc.assert(
    fc.property(batches, fc.array(change, { minLength: 1, maxLength: 4 }), (batch, changes) => {
      const body = Buffer.from(encodeBatch(batch).subarray(0, -4));
      for (const { at, to } of changes) body[4 + (at % Math.max(1, body.length - 4))] = to;
      expect(["read", "PROTOCOL_VIOLATION"]).toContain(outcome(sealed(body)));
    }),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const body = Buffer.concat([Buffer.from([0x4c, 0x47, 0x42, 1]), bytes]);
      expect(["read", "PROTOCOL_VIOLATION"]).toContain(outcome(sealed(body)));
      expect(outcome(Buffer.from(bytes), unpackBatch)).toBe("PROTOCOL_VIOLATION");
    }),
    { numRuns: 1_000 },
  );
});

test("a few bytes that promise gigabytes are refused", () => {
  expect(outcome(zstdCompressSync(Buffer.alloc(80 * 2 ** 20)), unpackBatch)).toBe("PROTOCOL_VIOLATION");
  const rows = 100_000;
  const alike = <T>(value: T) => Array.from({ length: rows }, () => value);
  const one = { tag: "a", times: alike(0), qualities: alike("good" as const), statuses: alike(null) };
  const series = Array.from({ length: 27 }, () => ({ ...one, columns: [] }));
  const bytes = encodeBatch({ ...head, series });
  expect(bytes.length).toBeLessThan(1_000);
  expect(outcome(bytes)).toBe("PROTOCOL_VIOLATION");
});

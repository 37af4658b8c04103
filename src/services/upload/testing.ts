import fc from "fast-check";
import type { Quality, TagValue } from "../../domain/reading.ts";
import type { Batch, BatchSeries } from "./batch.ts";

const kinds: readonly fc.Arbitrary<TagValue>[] = [
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.float(),
  fc.integer({ min: -99_999, max: 99_999 }).map((value) => value / 100),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
  fc.boolean(),
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.array(fc.integer(), { maxLength: 4 }),
  fc.record({ x: fc.integer(), y: fc.string() }, { noNullPrototype: true }),
];

const quality = fc.constantFrom<Quality>("good", "uncertain", "bad");
const time = fc.oneof(
  fc.integer({ min: 1_795_370_000_000, max: 1_795_380_000_000 }),
  fc.double({ noNaN: true }),
);

/** Values of one kind, as a device sends them, or of all kinds mixed, nulls among them. */
const someValues = fc
  .oneof(...kinds.map((one) => fc.constant(one)), fc.constant(fc.oneof(...kinds)))
  .chain((one) => fc.array(fc.option(one, { freq: 6 }), { maxLength: 60 }));

/** A poll's: on an even grid, each a little late. */
const gridTimes = (rows: number) =>
  fc
    .tuple(
      fc.integer({ min: -1_000, max: 10_000 }),
      fc.array(fc.nat(3), { minLength: rows, maxLength: rows }),
    )
    .map(([every, late]) => late.map((by, index) => 1_795_370_000_000 + every * index + by));

const someSeries = someValues.chain((values): fc.Arbitrary<BatchSeries> => {
  const rows = { minLength: values.length, maxLength: values.length };
  return fc.record(
    {
      tag: fc.constantFrom("press-1/ram/pressure", "oven-1/zone", "a"),
      unit: fc.constantFrom("bar", "°C"),
      every: fc.constant(10_000),
      integerType: fc.constantFrom("int64", "uint64"),
      times: fc.oneof(fc.array(time, rows), gridTimes(values.length)),
      sequences: fc.array(fc.nat(), rows),
      qualities: fc.array(quality, rows),
      statuses: fc.array(fc.option(fc.constantFrom("Stale", "DeviceOffline")), rows),
      columns: fc.constant([
        { name: "value", values },
        { name: "again", values },
      ]),
    },
    { requiredKeys: ["tag", "times", "qualities", "statuses", "columns"], noNullPrototype: true },
  );
});

/** Batches of every shape. */
export const batches: fc.Arbitrary<Batch> = fc.record(
  {
    gateway: fc.constant("line1-gw"),
    site: fc.constant("plant1/line1"),
    epoch: fc.constant("m3x9"),
    stream: fc.constant("telemetry"),
    batch: fc.integer({ min: 1, max: 2 ** 40 }),
    series: fc.array(someSeries, { maxLength: 5 }),
  },
  { noNullPrototype: true },
);

import { DataValue } from "node-opcua-data-value";
import { StatusCodes } from "node-opcua-status-code";
import { DataType, Variant } from "node-opcua-variant";
import { expect, test } from "vitest";
import { sampleOf } from "./sample-of.ts";

const now = Date.UTC(2026, 0, 2);
const [source, server] = [new Date(now - 2_000), new Date(now - 1_000)];
const [never, end] = [new Date(-11_644_473_599_000), new Date(253_370_764_800_000)];

test.each<[string, "source" | "server", Date | null, Date | null, number | undefined, number]>([
  ["the source's time", "source", source, server, source.getTime(), 0],
  ["the server's time", "server", source, server, server.getTime(), 0],
  ["a source without a time", "source", null, server, server.getTime(), 0],
  ["no time at all", "source", null, null, undefined, 0],
  ["a source that says 1601", "source", never, server, server.getTime(), 1],
  ["a source that says 9999", "source", end, server, server.getTime(), 1],
  ["a source that says 1601, and no server", "source", never, null, undefined, 1],
  ["both out of all reason", "source", never, end, undefined, 1],
  ["a server that says 9999", "server", source, end, source.getTime(), 1],
])("%s", (_what, timestamps, sourceTimestamp, serverTimestamp, expected, counted) => {
  let bad = 0;
  const onBadTimestamp = () => void (bad += 1);
  const value = new Variant({ dataType: DataType.Double, value: 5 });
  const data = new DataValue({ value, statusCode: StatusCodes.Good, sourceTimestamp, serverTimestamp });
  const rule = { tag: "a", spec: { kind: "float" }, timestamps, now: () => now, onBadTimestamp } as const;
  const sample = sampleOf(rule, data);
  expect([sample.value, sample.sourceTimestamp, bad]).toEqual([5, expected, counted]);
});

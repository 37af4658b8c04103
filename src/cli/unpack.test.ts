import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { expect, onTestFinished, test, vi } from "vitest";
import * as z from "zod";
import type { Batch } from "../services/upload/batch.ts";
import { packBatch } from "../services/upload/pack.ts";
import { linegate } from "./testing.ts";
import { run } from "./unpack.ts";

const batch: Batch = {
  gateway: "line1-gw",
  site: "plant1",
  epoch: "e",
  stream: "telemetry",
  batch: 17,
  series: [
    {
      tag: "press-1/count",
      integerType: "uint64",
      times: [1_795_370_000_123, 1_795_370_001_123],
      sequences: [7, 8],
      qualities: ["good", "bad"],
      statuses: [null, 'no "answer", none'],
      columns: [{ name: "value", values: [18_446_744_073_709_551_615n, null] }],
    },
    {
      tag: "press-1/ram",
      unit: "bar",
      every: 10_000,
      times: [1_795_370_000_000],
      qualities: ["good"],
      statuses: [null],
      columns: [
        { name: "mean", values: [182.45] },
        { name: "coverage", values: [1] },
      ],
    },
    {
      tag: "press-1/note",
      times: [1_795_370_000_000, 1_795_370_000_001],
      sequences: [9, 10],
      qualities: ["good", "good"],
      statuses: [null, null],
      columns: [{ name: "value", values: ["", -0] }],
    },
  ],
};

async function printed(...args: readonly string[]): Promise<string> {
  const lines: string[] = [];
  const log = vi.spyOn(console, "log").mockImplementation((line: string) => void lines.push(line));
  onTestFinished(() => log.mockRestore());
  const payload = await packBatch(batch);
  expect(await run(["-", ...args], Readable.from([payload.subarray(0, 9), payload.subarray(9)]))).toBe(0);
  return lines.join("\n");
}

test("a line of JSON for each reading and window", async () => {
  const lines = (await printed()).split("\n").map((line) => JSON.parse(line) as unknown);
  expect(lines).toEqual([
    {
      tag: "press-1/count",
      value: "18446744073709551615",
      quality: "good",
      timestamp: 1_795_370_000_123,
      sequence: 7,
      type: "uint64",
    },
    {
      tag: "press-1/count",
      value: null,
      quality: "bad",
      timestamp: 1_795_370_001_123,
      sequence: 8,
      status: 'no "answer", none',
      type: "uint64",
    },
    {
      tag: "press-1/ram",
      mean: 182.45,
      coverage: 1,
      quality: "good",
      timestamp: 1_795_370_000_000,
      every: 10_000,
      unit: "bar",
    },
    { tag: "press-1/note", value: "", quality: "good", timestamp: 1_795_370_000_000, sequence: 9 },
    { tag: "press-1/note", value: -0, quality: "good", timestamp: 1_795_370_000_001, sequence: 10 },
  ]);
});

test("CSV with a line for each value", async () => {
  expect((await printed("--format", "csv")).split("\n")).toEqual([
    "time,timestamp,tag,figure,value,unit,quality,status,sequence,every",
    "2026-11-22T17:53:20.123Z,1795370000123,press-1/count,value,18446744073709551615,,good,,7,",
    '2026-11-22T17:53:21.123Z,1795370001123,press-1/count,value,,,bad,"no ""answer"", none",8,',
    "2026-11-22T17:53:20.000Z,1795370000000,press-1/ram,mean,182.45,bar,good,,,10000",
    "2026-11-22T17:53:20.000Z,1795370000000,press-1/ram,coverage,1,bar,good,,,10000",
    '2026-11-22T17:53:20.000Z,1795370000000,press-1/note,value,"",,good,,9,',
    "2026-11-22T17:53:20.001Z,1795370000001,press-1/note,value,-0,,good,,10,",
  ]);
});

test("the JSON form is as docs/batch.schema.json says", async () => {
  const text = await readFile(new URL("../../docs/batch.schema.json", import.meta.url), "utf8");
  const schema = z.fromJSONSchema(JSON.parse(text) as z.core.JSONSchema.JSONSchema);
  const json = JSON.parse(await printed("--format", "json")) as Record<string, unknown>;
  expect(schema.safeParse(json)).toMatchObject({ success: true });
  expect(json).toMatchObject({ batch: 17, count: 5, from: 1_795_370_000_000, to: 1_795_370_001_123 });
  expect(schema.safeParse({ ...json, count: "3" }).success).toBe(false);
  expect(schema.safeParse({ ...json, series: [{ tag: "a" }] }).success).toBe(false);
});

test("the command reads a file, and says why what is no batch is none", async () => {
  const dir = await mkdtemp(join(tmpdir(), "linegate-unpack-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const payload = await packBatch(batch);
  await writeFile(join(dir, "whole.bin"), payload);
  await writeFile(join(dir, "cut.bin"), payload.subarray(0, -5));
  const whole = await linegate("unpack", join(dir, "whole.bin"));
  expect(whole).toMatchObject({ code: 0 });
  expect(whole.stdout.trimEnd().split("\n")).toHaveLength(5);
  const cut = await linegate("unpack", join(dir, "cut.bin"));
  expect(cut).toMatchObject({ code: 1, stdout: "" });
  expect(cut.stderr).toContain("This is no whole batch of Linegate's: its zstd frame is cut off");
  expect(await linegate("unpack", join(dir, "none.bin"), "--format", "xml")).toMatchObject({ code: 1 });
});

import { appendFile, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../adapter-kit/clock.ts";
import { memoryStore } from "../../store/testing.ts";
import { sealEntry, type ChainHead } from "./audit-entry.ts";
import { AuditFiles, listSegments, readSegment } from "./audit-files.ts";
import { auditScope, readMarks } from "./audit-segment.ts";
import { AuditTrail } from "./audit-trail.ts";
import { verifyChain } from "./verify-chain.ts";

async function site(limits = { maxBytes: 256e6, maxAge: 1e12 }) {
  const root = await mkdtemp(join(tmpdir(), "linegate-audit-"));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const dir = join(root, "audit");
  const store = memoryStore();
  const published: { subject: string; line: string }[] = [];
  const logged: string[] = [];
  const log = {
    debug: () => {},
    info: (_: object, message: string) => void logged.push(message),
    warn: () => {},
    error: (_: object, message: string) => void logged.push(message),
  };
  const start = async () => {
    const trail = new AuditTrail({
      gateway: "line1-gw",
      dir,
      limits,
      clock: systemClock,
      log,
      store,
      publish: (subject, payload) => void published.push({ subject, line: Buffer.from(payload).toString() }),
    });
    await trail.start();
    onTestFinished(() => trail.stop());
    return trail;
  };
  const lines = async () => {
    const texts = await Promise.all(
      (await listSegments(dir)).map(async (number) => (await readSegment(dir, number)).text),
    );
    return texts.flatMap((text) => text.split("\n").slice(0, -1));
  };
  const verify = async () => {
    const segments = await Promise.all((await listSegments(dir)).map((number) => readSegment(dir, number)));
    return verifyChain(segments, readMarks(store.read(auditScope)));
  };
  return { dir, store, published, logged, start, lines, verify };
}

const write = (value: number) => ({ tag: "press-1/motor/setpoint", value, ok: true });

test("what is recorded is published and on disk line by line, and the chain goes on over restarts", async () => {
  const { start, lines, verify, published, dir } = await site();
  for (const values of [[1, 2], [], [3]]) {
    const trail = await start();
    for (const value of values) void trail.record("write", write(value));
    await trail.stop();
  }
  expect((await lines()).map((line) => JSON.parse(line) as object)).toMatchObject([
    { sequence: 1, kind: "segment", segment: 1, gateway: "line1-gw" },
    { sequence: 2, kind: "write", tag: "press-1/motor/setpoint", value: 1, timestamp: expect.any(Number) },
    { sequence: 3, value: 2 },
    { sequence: 4, kind: "segment", segment: 2 },
    { sequence: 5, value: 3 },
  ]);
  expect(published.map(({ line }) => line)).toEqual(await lines());
  expect(published[1]?.subject).toBe("audit.line1-gw.write");
  expect(await readdir(dir)).toEqual(["audit-00000001.jsonl", "audit-00000002.jsonl"]);
  expect(await verify()).toMatchObject({ entries: 5, breach: undefined, notes: [] });
});

test("a line is on disk without a stop, and the head follows", async () => {
  const { start, lines, store } = await site();
  const trail = await start();
  void trail.record("write", write(1));
  await expect.poll(lines).toHaveLength(2);
  await expect.poll(() => readMarks(store.read(auditScope)).head?.sequence).toBe(2);
});

test("a line that a kill left half written stands in nobody's way", async () => {
  const { start, verify, dir, logged } = await site();
  const first = await start();
  void first.record("write", write(1));
  await first.stop();
  await appendFile(join(dir, "audit-00000001.jsonl"), `{"sequence":3,"timestamp":17`);
  const second = await start();
  void second.record("write", write(2));
  await second.stop();
  const report = await verify();
  expect(report).toMatchObject({
    entries: 4,
    breach: undefined,
    notes: [expect.stringContaining("incomplete")],
  });
  expect(logged).toEqual([]);
});

test("lines cut off while the gateway was down are told at the start, and show ever after", async () => {
  const { start, verify, dir, logged } = await site();
  const first = await start();
  for (const value of [1, 2, 3]) void first.record("write", write(value));
  await first.stop();
  const path = join(dir, "audit-00000001.jsonl");
  const text = await readFile(path, "utf8");
  await truncate(path, text.lastIndexOf("\n", text.length - 2) + 1);
  expect((await verify()).breach).toMatchObject({
    line: 4,
    problem: expect.stringContaining("entries 4 to 4 are missing"),
  });
  const second = await start();
  void second.record("write", write(4));
  await second.stop();
  expect(logged).toEqual([expect.stringContaining("was changed while the gateway was down")]);
  expect((await verify()).breach).toMatchObject({ file: "audit-00000002.jsonl", line: 1 });
});

/** An entry chained to the last line as the gateway chains it, appended by somebody else. */
async function forge(dir: string, lines: () => Promise<string[]>): Promise<void> {
  const last = JSON.parse((await lines()).at(-1) ?? "") as ChainHead;
  const { line } = sealEntry({ timestamp: 1, kind: "write", ...write(7) }, last);
  await appendFile(join(dir, "audit-00000001.jsonl"), `${line}\n`);
}

test("an entry added after a stop is told at the start, and shows ever after", async () => {
  const { start, verify, dir, logged, lines } = await site();
  const first = await start();
  void first.record("write", write(1));
  await first.stop();
  expect(await verify()).toMatchObject({ breach: undefined, notes: [] });
  await forge(dir, lines);
  const added = { line: 3, problem: "entries 3 to 3 were added after the gateway had stopped" };
  expect((await verify()).breach).toMatchObject(added);
  // A start that writes nothing hides nothing.
  const idle = await start();
  await idle.stop();
  expect((await verify()).breach).toMatchObject(added);
  const third = await start();
  void third.record("write", write(2));
  await third.stop();
  expect((await verify()).breach).toMatchObject({ file: "audit-00000002.jsonl", line: 1 });
  expect(logged).toEqual(
    [1, 2].map(() => expect.stringContaining("was changed while the gateway was down") as string),
  );
});

test("what comes after the stop is logged and counted, and does not look like an entry that somebody added", async () => {
  const { start, verify, logged } = await site();
  const trail = await start();
  void trail.record("write", write(1));
  await trail.stop();
  await trail.record("write", write(2));
  await trail.stop();
  expect(trail.counters).toEqual({ entries: 2, lost: 1 });
  expect(logged).toEqual([expect.stringContaining("after the audit had been stopped")]);
  expect(await verify()).toMatchObject({ entries: 2, breach: undefined, notes: [] });
});

test("what a killed run wrote beyond what the store knew is taken over, and the next segment says how much", async () => {
  const { start, verify, dir, logged, lines, store } = await site();
  const first = await start();
  void first.record("write", write(1));
  await first.stop();
  const killed = await start();
  expect(readMarks(store.read(auditScope)).head?.closed).toBeUndefined();
  await forge(dir, lines);
  expect(await verify()).toMatchObject({
    breach: undefined,
    notes: [expect.stringContaining("can't be told")],
  });
  const { head } = readMarks(store.read(auditScope));
  await killed.stop();
  await store.change([{ scope: auditScope, key: "head", value: JSON.stringify(head) }]);
  const second = await start();
  void second.record("write", write(2));
  await second.stop();
  expect(JSON.parse((await lines())[3] ?? "")).toMatchObject({ kind: "segment", segment: 2, takenOver: 1 });
  expect(await verify()).toMatchObject({ breach: undefined, notes: [] });
  expect(logged).toEqual([]);
});

test("the oldest segments go by size, and what is left is whole", async () => {
  const { start, verify, dir } = await site({ maxBytes: 20_000, maxAge: 1e12 });
  const trail = await start();
  for (let value = 0; value < 300; value += 1) {
    void trail.record("write", write(value));
    if (value % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await trail.stop();
  const numbers = await listSegments(dir);
  expect(numbers[0]).toBeGreaterThan(1);
  expect(numbers.length).toBeGreaterThan(3);
  expect((await verify()).breach).toBeUndefined();
  await rm(join(dir, `audit-${String(numbers[0]).padStart(8, "0")}.jsonl`));
  expect((await verify()).breach).toBeDefined();
});

test("the oldest segments go by age, the newest never", async () => {
  const { start, dir } = await site({ maxBytes: 256e6, maxAge: -1 });
  for (const value of [1, 2, 3]) {
    const trail = await start();
    void trail.record("write", write(value));
    await trail.stop();
  }
  expect(await listSegments(dir)).toEqual([3]);
});

test("where the disk refuses the audit the gateway goes on, and says so once", async () => {
  const { start, dir, logged, published } = await site();
  await writeFile(dir, "a file where the folder belongs");
  const trail = await start();
  void trail.record("write", write(1));
  await expect.poll(() => logged).toHaveLength(1);
  void trail.record("write", write(2));
  expect(published).toHaveLength(3);
  await trail.stop();
  expect(logged).toEqual([expect.stringContaining("can't be written to disk")]);
});

test("what a failed write left of a line is gone before the next one", async () => {
  const { dir } = await site();
  const files = new AuditFiles(dir);
  await files.append(1, ["one"]);
  await files.close();
  await appendFile(join(dir, "audit-00000001.jsonl"), "tw");
  await files.append(1, ["two"]);
  await files.close();
  expect((await readSegment(dir, 1)).text).toBe("one\ntwo\n");
});

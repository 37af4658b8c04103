import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../adapter-kit/clock.ts";
import { readState } from "../../store/read-state.ts";
import { SqliteStateStore } from "../../store/sqlite-state-store.ts";
import { listSegments, readSegment } from "./audit-files.ts";
import { auditScope, readMarks } from "./audit-segment.ts";
import { AuditTrail } from "./audit-trail.ts";
import { verifyChain } from "./verify-chain.ts";

const run = promisify(execFile);

const cases = [
  { what: "is written as soon as there is room", until: "The audit is written to disk again" },
  { what: "is written by the stop, where that comes first", until: "" },
];

test.for(cases)("a disk that fills up costs the audit nothing: what waited $what", async ({ until }, ctx) => {
  const disk = await mkdtemp(join(tmpdir(), "linegate-full-"));
  onTestFinished(() => rm(disk, { recursive: true, force: true }));
  try {
    await run("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", disk]);
  } catch {
    ctx.skip("no right to mount a small disk here");
  }
  onTestFinished(async () => void (await run("umount", ["-l", disk])));
  const told: string[] = [];
  const tell = (_: object, message: string) => void told.push(message);
  const log = { debug: () => {}, info: tell, warn: () => {}, error: tell };
  // Waits of seconds are not what is tested.
  const clock = {
    ...systemClock,
    sleep: (span: number, signal?: AbortSignal) => systemClock.sleep(span / 50, signal),
  };
  const store = new SqliteStateStore({
    dir: disk,
    gateway: "line1-gw",
    outbox: { maxBytes: 1_000_000, whenFull: "oldest" },
    newToken: () => "token",
    clock: systemClock,
    log,
  });
  store.open();
  onTestFinished(() => store.close());
  const dir = join(disk, "audit");
  const trail = new AuditTrail({
    gateway: "g",
    dir,
    limits: { maxBytes: 1e9, maxAge: 1e12 },
    clock,
    log,
    store,
    publish: () => {},
  });
  await trail.start();
  let recorded = 0;
  const record = (count: number) =>
    Promise.all(
      Array.from({ length: count }, () =>
        trail.record("write", { tag: "press-1/s", value: (recorded += 1), ok: true }),
      ),
    );
  await record(20);
  await run("sh", ["-c", `head -c 2M /dev/zero > ${disk}/other || true`]);
  await record(200);
  await expect.poll(() => told).toContainEqual(expect.stringContaining("can't be written to disk"));
  await record(200);
  await writeFile(join(disk, "other"), "");
  await expect.poll(() => ["", ...told]).toContain(until);
  await trail.stop();
  store.close();
  const segments = await Promise.all((await listSegments(dir)).map((number) => readSegment(dir, number)));
  const report = await verifyChain(segments, readMarks(await readState(disk, auditScope)));
  expect(report).toMatchObject({ breach: undefined, notes: [], entries: recorded + segments.length });
});

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { auditRow } from "./audit-report.ts";
import { run } from "./audit.ts";

async function emptyFolder() {
  const dir = await mkdtemp(join(tmpdir(), "linegate-audit-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

test.each([
  [["verify"], "takes verify or list, and a site folder"],
  [["verfy", "my-line"], "takes verify or list, and a site folder"],
  [["list", "my-line", "--since", "yesterday"], "--since takes a duration such as 2h, or a time"],
])("%j is told to be wrong", async (args, message) => {
  await expect(run(args)).rejects.toThrow(message);
});

test("a site where nothing was ever written has a whole audit of nothing", async () => {
  const dir = await emptyFolder();
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  onTestFinished(() => log.mockRestore());
  expect(await run(["verify", dir])).toBe(0);
  expect(await run(["list", dir])).toBe(0);
  expect(log.mock.calls.map(([text]) => String(text))).toEqual([
    expect.stringContaining("0 entries in 0 segments, the chain is whole"),
    "Nothing was recorded.",
  ]);
});

const entry = { timestamp: 0, kind: "write", tag: "press-1/s", before: 1, value: 2, via: "nats" };

test.each([
  [{ ok: true, readBack: 2, user: "operator" }, "operator", "written, reads 2"],
  [
    { ok: true, readBack: 2, retried: true, by: "service:alerting", why: "overpressure" },
    "service:alerting: overpressure",
    "written, reads 2, at the second try",
  ],
  [{ ok: true, claimedBy: "mes" }, '"mes" (nats)', "written"],
  [{ ok: true, dryRun: true }, "nats", "dry run"],
  [{ ok: false, code: "WRITE_REFUSED", reason: "range", message: "too much." }, "nats", "range: too much."],
])("%j is a row that says who and how it ended", (fields, who, outcome) => {
  expect(auditRow({ ...entry, ...fields })).toEqual([
    "1970-01-01T00:00:00.000Z",
    "press-1/s",
    "1",
    "2",
    who,
    outcome,
  ]);
});

test("an entry of another kind says its kind", () => {
  expect(auditRow({ timestamp: 0, kind: "acknowledge", tag: "overpressure", ok: true })[1]).toBe(
    "acknowledge overpressure",
  );
});

test("what somebody sent can't write to the terminal, nor make a row of its own", () => {
  const [, , , , who] = auditRow({ ...entry, ok: true, claimedBy: "\u001b[2Jmes\nx" });
  expect(who).toBe('"\ufffd[2Jmes\ufffdx" (nats)');
});

import { expect, test } from "vitest";
import type { LoadedSite, Site } from "./config/site.ts";
import { SiteReload } from "./site-reload.ts";

const site = (...files: string[]) => ({ dir: "/site", devices: [], files }) as unknown as Site;

function setUp(loads: readonly (LoadedSite | Error)[]) {
  const applied: Site[] = [];
  const logged: { level: string; fields: object }[] = [];
  const watched: (readonly string[])[] = [];
  let refused = 0;
  let loading = 0;
  const log = {
    debug: () => {},
    info: (fields: object) => void logged.push({ level: "info", fields }),
    warn: (fields: object) => void logged.push({ level: "warn", fields }),
    error: (fields: object) => void logged.push({ level: "error", fields }),
  };
  const reload = new SiteReload({
    gateway: {
      apply: async (next) => {
        applied.push(next);
        return { restarted: ["press-1"], added: [], removed: [], needRestart: ["broker.listen"] };
      },
      refuseReload: () => void refused++,
    },
    log,
    load: async () => {
      const next = loads[loading++];
      if (next === undefined || next instanceof Error) throw next ?? new Error("no more loads");
      return next;
    },
    follow: (files) => void watched.push(files),
  });
  return {
    reload,
    applied,
    logged,
    watched,
    refused: () => refused,
    loads: () => loading,
  };
}

test("a good edit is applied and told, with what takes effect at the next start only", async () => {
  const { reload, applied, logged, watched } = setUp([{ ok: true, site: site("a", "b") }]);
  await reload.reload();
  expect(applied).toHaveLength(1);
  expect(watched).toEqual([["a", "b"]]);
  expect(logged.map((l) => l.level)).toEqual(["info", "warn"]);
});

test("a bad edit changes nothing, says why, and its files are watched on", async () => {
  const issue = {
    file: "devices/press-1.yaml",
    line: 4,
    column: 7,
    path: "poll",
    message: "no such group",
    allowed: "fast, normal",
  };
  const { reload, applied, logged, watched, refused } = setUp([
    { ok: false, issues: [issue], files: ["a", "new"] },
  ]);
  await reload.reload();
  expect(applied).toEqual([]);
  expect(refused()).toBe(1);
  expect(logged).toMatchObject([
    {
      level: "error",
      fields: { mistakes: ["devices/press-1.yaml:4:7 poll: no such group. Allowed: fast, normal."] },
    },
  ]);
  expect(watched).toEqual([["a", "new"]]);
});

test("edits that come during a reload are taken together by one more", async () => {
  const good = { ok: true, site: site("a") } as const;
  const { reload, loads } = setUp([good, good, good]);
  const first = reload.reload();
  void reload.reload();
  void reload.reload();
  await first;
  expect(loads()).toBe(2);
});

test("a folder that can't be read leaves the gateway as it is, and the next edit is taken", async () => {
  const { reload, applied, logged } = setUp([new Error("EIO"), { ok: true, site: site("a") }]);
  await reload.reload();
  expect(logged[0]?.level).toBe("error");
  await reload.reload();
  expect(applied).toHaveLength(1);
});

test("a change of the folder waits for a reload under way, and an edit during it is read after it", async () => {
  const good = { ok: true, site: site("a") } as const;
  const { reload, loads, applied } = setUp([good, good, good]);
  const first = reload.reload();
  const steps: string[] = [];
  const changed = reload.change(async () => {
    await first;
    steps.push(`changed after ${applied.length}`);
    void reload.reload();
    await new Promise((resolve) => setImmediate(resolve));
    steps.push(`still ${loads()}`);
  });
  expect(await changed).toMatchObject({ ok: true, applied: { restarted: ["press-1"] } });
  expect(steps).toEqual(["changed after 1", "still 1"]);
  await reload.stop();
  expect(loads()).toBeLessThanOrEqual(3);
});

test("what a change of the folder comes to is told to who made it", async () => {
  const { reload, refused } = setUp([{ ok: false, issues: [], files: ["a"] }]);
  expect(await reload.change(async () => {})).toEqual({ ok: false, issues: [] });
  expect(refused()).toBe(1);
  await reload.stop();
  await expect(reload.change(async () => {})).rejects.toThrow("being stopped");
});

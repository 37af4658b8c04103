import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { siteFolder } from "../../config/test-site.ts";
import { putBundle } from "../../hub/push/put-order.ts";
import { FakeClock, settle } from "../testing.ts";
import { pieceSubject } from "./order.ts";
import { deviceFile, FakeHub, filesIn, push, pushBack, pushDown, pushFile, putting } from "./testing.ts";

async function setUp(options: Parameters<typeof pushDown>[2] = {}) {
  const hub = new FakeHub();
  const dir = await siteFolder({ "devices/press-1.yaml": deviceFile("press-1") });
  const made = pushDown(dir, hub, options);
  onTestFinished(() => made.pushDown.stop());
  const before = filesIn(dir);
  return { hub, dir, before, ...made };
}

const outcomes = (hub: FakeHub) => hub.answer.map(({ outcome }) => outcome);

test("a whole folder is taken, nothing else of its part stays, and the answer and the audit say so", async () => {
  const { hub, dir, pushDown: down, audited } = await setUp();
  await down.start();
  const { version } = await push(hub, {
    "devices/press-2.yaml": deviceFile("press-2"),
    "files/map.bin": "map",
  });
  await expect.poll(() => outcomes(hub)).toEqual(["applied"]);
  expect(Object.keys(filesIn(dir))).toEqual(["devices/press-2.yaml", "files/map.bin", "gateway.yaml"]);
  expect(hub.answer[0]).toMatchObject({
    name: "mappings+files",
    version,
    by: "anna",
    devices: { restarted: ["press-1"] },
  });
  expect(audited).toMatchObject([{ kind: "push", version, by: "anna", outcome: "applied" }]);
  await expect
    .poll(() => [...down.metrics()])
    .toMatchObject([
      {
        name: "linegate_push_orders_total",
        samples: expect.arrayContaining([
          [{ outcome: "applied" }, 1],
          [{ outcome: "refused" }, 0],
        ]),
      },
      { name: "linegate_push_on_trial", samples: [[{}, 0]] },
    ]);
});

test("what was put while the gateway was away is taken when it is back, in order and once", async () => {
  const { hub, dir, pushDown: down } = await setUp();
  hub.isAway = true;
  await down.start();
  await pushFile(hub, "files/map.bin", "one");
  await pushFile(hub, "devices/press-2.yaml", deviceFile("press-2"));
  await pushFile(hub, "files/map.bin", "two");
  hub.isAway = false;
  down.look();
  await expect
    .poll(() => hub.answer.map(({ name, outcome }) => `${name} ${outcome}`))
    .toEqual(["devices/press-2.yaml applied", "files/map.bin applied"]);
  expect(filesIn(dir)["files/map.bin"]).toBe("two");
  writeFileSync(join(dir, "files/map.bin"), "edited by hand");
  down.look();
  await expect.poll(() => outcomes(hub)).toHaveLength(2);
  expect(filesIn(dir)["files/map.bin"]).toBe("edited by hand");
});

test("a hub that did not answer, as without a leader, is asked again by itself", async () => {
  const clock = new FakeClock();
  const begun = clock.time;
  const { hub, pushDown: down } = await setUp({ clock });
  hub.isAway = true;
  await down.start();
  await pushFile(hub, "files/map.bin", "one");
  await settle();
  hub.isAway = false;
  await expect
    .poll(async () => {
      await clock.pass(1_000);
      return outcomes(hub);
    })
    .toEqual(["applied"]);
  expect(clock.time - begun).toBeGreaterThanOrEqual(5_000);
});

test("what was dealt with before a restart is not dealt with again, however early the hub is there", async () => {
  const { hub, dir, pushDown: down } = await setUp();
  await down.start();
  await pushFile(hub, "files/map.bin", "one");
  await expect.poll(() => outcomes(hub)).toEqual(["applied"]);
  await down.stop();
  writeFileSync(join(dir, "files/map.bin"), "edited by hand");
  const { pushDown: again, log } = pushDown(dir, hub);
  onTestFinished(() => again.stop());
  again.look();
  await again.start();
  await pushFile(hub, "files/other.bin", "two");
  await expect.poll(() => again.outcomes.length).toBe(2);
  await expect.poll(() => log.lines.filter((line) => line.includes("taken from the hub"))).toHaveLength(1);
  expect(filesIn(dir)["files/map.bin"]).toBe("edited by hand");
});

test("a folder with mistakes is refused with all of them, and not a byte has changed", async () => {
  const { hub, dir, before, pushDown: down } = await setUp();
  await down.start();
  await push(hub, {
    "devices/press-1.yaml": deviceFile("press-1", 200),
    "devices/press-2.yaml": "device: x y\n",
  });
  await expect.poll(() => outcomes(hub)).toEqual(["refused"]);
  const issues = hub.answer[0]?.issues ?? [];
  expect(issues.map(({ file }) => file)).toEqual(
    expect.arrayContaining(["devices/press-1.yaml", "devices/press-2.yaml"]),
  );
  expect(issues).toContainEqual(expect.objectContaining({ line: 6, path: "tags.pressure.address" }));
  expect(filesIn(dir)).toEqual(before);
});

test.each([
  ["gateway.yaml", "gateway: line1-gw\nsite: x\n", "takes no gateway from the hub"],
  ["devices/.hidden.yaml", "x", "may not put a file there"],
  ["../out.yaml", "x", "may not put a file there"],
  ["data/linegate.db", "x", "may not put a file there"],
  ["hub-password", "x", "may not put a file there"],
])("%s is refused", async (path, text, message) => {
  const { hub, dir, before, pushDown: down } = await setUp();
  await down.start();
  const content = Buffer.from(text);
  const sha256 = createHash("sha256").update(content).digest("hex");
  await putBundle(hub, { name: "evil", replaces: [], files: [{ path, content, sha256 }] }, putting());
  await expect.poll(() => outcomes(hub)).toEqual(["refused"]);
  expect(hub.answer[0]?.issues).toMatchObject([{ file: path, message: expect.stringContaining(message) }]);
  expect(filesIn(dir)).toEqual(before);
});

test("nothing is put behind a link, nor beyond the size that is accepted", async () => {
  const { hub, dir, pushDown: down } = await setUp();
  const outside = await siteFolder({});
  mkdirSync(join(dir, "files"));
  symlinkSync(outside, join(dir, "files/maps"));
  await down.start();
  await pushFile(hub, "files/maps/map.bin", "x");
  await pushFile(hub, "files/big.bin", "x".repeat(1_000_001));
  await expect.poll(() => outcomes(hub)).toEqual(["refused", "refused"]);
  expect(Object.keys(filesIn(outside))).toEqual(["gateway.yaml"]);
});

test("bytes that are not what the order says are refused, and an order without them too", async () => {
  const clock = new FakeClock();
  const { hub, dir, before, pushDown: down } = await setUp({ clock });
  hub.isAway = true;
  await down.start();
  const spoilt = await pushFile(hub, "files/a.bin", "right");
  const gone = await pushFile(hub, "files/b.bin", "there");
  await hub.put(pieceSubject("line1-gw", spoilt.files[0]?.sha256 ?? "", 0), "wrong");
  await hub.remove(pieceSubject("line1-gw", gone.files[0]?.sha256 ?? "", 0));
  hub.isAway = false;
  down.look();
  await expect
    .poll(async () => {
      await clock.pass(1_000);
      return outcomes(hub);
    })
    .toEqual(["refused", "refused"]);
  expect(filesIn(dir)).toEqual(before);
});

test("what a server of the hub answers whose copy is behind is neither the last word nor a reason to refuse", async () => {
  const clock = new FakeClock();
  const { hub, dir, pushDown: down } = await setUp({ clock });
  await down.start();
  await settle();
  const taken = async () => {
    await clock.pass(250);
    return outcomes(hub);
  };
  // The order that was published is not there yet at the first look, nor at the next.
  hub.behind = 2;
  await pushFile(hub, "files/map.bin", "one");
  await expect.poll(taken).toEqual(["applied"]);
  // The order is there, and its bytes are not.
  hub.isAway = true;
  await pushFile(hub, "files/map.bin", "two");
  hub.isAway = false;
  const asked = vi.spyOn(hub, "ask");
  asked.mockImplementationOnce(async (subject, payload) => {
    const wanted = await hub.ask(subject, payload);
    hub.behind = 2;
    return wanted;
  });
  down.look();
  await expect.poll(taken).toEqual(["applied", "applied"]);
  expect(filesIn(dir)["files/map.bin"]).toBe("two");
});

test("the same again is unchanged, and restarts nothing", async () => {
  let changes = 0;
  const {
    hub,
    before,
    pushDown: down,
  } = await setUp({
    change: async () => {
      changes += 1;
      return { ok: false, issues: [] };
    },
  });
  await down.start();
  await push(hub, before);
  await expect.poll(() => outcomes(hub)).toEqual(["unchanged"]);
  expect(changes).toBe(0);
});

test("rolled back from the hub, the folder is as it was before the last change", async () => {
  const { hub, dir, before, pushDown: down } = await setUp();
  await down.start();
  await pushBack(hub);
  await expect.poll(() => outcomes(hub)).toEqual(["refused"]);
  await push(hub, { "devices/press-2.yaml": deviceFile("press-2") });
  await expect.poll(() => outcomes(hub)).toEqual(["refused", "applied"]);
  await pushBack(hub);
  await expect.poll(() => outcomes(hub)).toEqual(["refused", "applied", "applied"]);
  expect(filesIn(dir)).toEqual(before);
});

test("a change after which the folder does not load is taken back by itself", async () => {
  let reloads = 0;
  const {
    hub,
    dir,
    before,
    pushDown: down,
  } = await setUp({
    change: async (work) => {
      await work();
      reloads += 1;
      const applied = { restarted: [], added: [], removed: [], needRestart: [] };
      return reloads === 1 ? { ok: false, issues: [] } : { ok: true, applied };
    },
  });
  await down.start();
  await push(hub, { "devices/press-2.yaml": deviceFile("press-2") });
  await expect.poll(() => outcomes(hub)).toEqual(["rolled back"]);
  expect(hub.answer[0]?.message).toContain("does not load");
  expect(filesIn(dir)).toEqual(before);
});

test("a change after which the hub is not reached in time is taken back; the hub hears of it on return", async () => {
  const {
    hub,
    dir,
    before,
    pushDown: down,
    audited,
  } = await setUp({
    trialMs: 50,
    change: async (work) => {
      await work();
      hub.isAway = true;
      return { ok: true, applied: { restarted: [], added: [], removed: [], needRestart: [] } };
    },
  });
  await down.start();
  await push(hub, { "devices/press-2.yaml": deviceFile("press-2") });
  await expect.poll(() => down.outcomes.map(({ outcome }) => outcome)).toEqual(["rolled back"]);
  expect(filesIn(dir)).toEqual(before);
  hub.isAway = false;
  down.look();
  await expect.poll(() => outcomes(hub)).toEqual(["rolled back"]);
  expect(audited.at(-1)).toMatchObject({
    kind: "push",
    outcome: "rolled back",
    message: expect.stringContaining("not reached"),
  });
});

test("a file in several pieces arrives whole, and goes on where a cut ended it", async () => {
  const { hub, dir, pushDown: down } = await setUp();
  hub.isAway = true;
  await down.start();
  const text = Array.from({ length: 60_000 }, (_, n) => String(n)).join("\n");
  await pushFile(hub, "files/map.bin", text);
  const asked: string[] = [];
  const ask = hub.ask.bind(hub);
  hub.ask = async (subject, payload) => {
    if (subject.includes(".blob.")) hub.isAway = asked.push(subject.slice(-1)) === 2;
    return ask(subject, payload);
  };
  hub.isAway = false;
  down.look();
  await expect.poll(() => hub.isAway).toBe(true);
  hub.isAway = false;
  await expect
    .poll(() => {
      down.look();
      return outcomes(hub);
    })
    .toEqual(["applied"]);
  expect(readFileSync(join(dir, "files/map.bin"), "utf8")).toBe(text);
  expect(asked).toEqual(["0", "1", "1", "2"]);
});

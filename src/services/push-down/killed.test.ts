import { cp } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import type { Site } from "../../config/site.ts";
import { siteFolder } from "../../config/test-site.ts";
import { scratchFolder } from "../../nats/testing.ts";
import { deviceFile, dyingDisk, FakeHub, filesIn, push, pushDown } from "./testing.ts";
import { changedFolder, recoverChange, undoTrial } from "./recover-change.ts";

const before = {
  "gateway.yaml": "gateway: line1-gw\nsite: plant1/line1\n",
  "devices/press-1.yaml": deviceFile("press-1"),
  "devices/press-2.yaml": deviceFile("press-2"),
};
const after = {
  "devices/press-1.yaml": deviceFile("press-1", 2),
  "devices/press-3.yaml": deviceFile("press-3"),
  "files/map.bin": "map",
};
const whole = { "gateway.yaml": before["gateway.yaml"], ...after };

/** Whether the folder is sound is not what is looked at here, and it takes a while. */
const unchecked = {
  load: async () => ({ ok: true, site: { gateway: { gateway: "line1-gw" } } as Site }) as const,
  change: async (work: () => Promise<void>) => {
    await work();
    return { ok: true, applied: { restarted: [], added: [], removed: [], needRestart: [] } } as const;
  },
};

/** True where the work comes to its end before the power is gone. */
async function endsBefore(isDead: () => boolean, work: Promise<unknown>): Promise<boolean> {
  const progress = { isDone: false };
  void work.then(() => (progress.isDone = true));
  while (!progress.isDone && !isDead()) await setImmediate();
  return progress.isDone;
}

/** A start of the gateway that dies at a step, or comes to its end. Resolves with the steps and the outcomes. */
async function live(dir: string, hub: FakeHub, diesAt = Infinity) {
  const { disk, steps } = dyingDisk(diesAt);
  const dead = () => steps() >= diesAt;
  if (!(await endsBefore(dead, recoverChange(dir, 0, disk)))) return { steps: steps(), outcomes: [] };
  const { pushDown: down } = pushDown(dir, hub, { ...unchecked, folder: changedFolder(dir, disk) });
  void down.start();
  const settled = () => hub.answer.length > 0 && down.outcomes.every(({ unaudited }) => unaudited !== true);
  while (steps() < diesAt && !settled()) await setImmediate();
  await endsBefore(dead, down.stop());
  return { steps: steps(), outcomes: down.outcomes.map(({ outcome }) => outcome) };
}

async function hubWith(): Promise<FakeHub> {
  const hub = new FakeHub();
  await push(hub, after);
  return hub;
}

/** A folder of the test's own with the site as it is before. */
async function folderOf(site: string): Promise<string> {
  const dir = await scratchFolder();
  await cp(site, dir, { recursive: true });
  return dir;
}

test("killed at any step on the disk, the next start has the change whole", async () => {
  const site = await siteFolder(before);
  const first = await live(await folderOf(site), await hubWith());
  expect(first.outcomes).toEqual(["applied"]);
  expect(first.steps).toBeGreaterThan(30);
  for (let step = 1; step <= first.steps; step += 1) {
    const dir = await folderOf(site);
    const hub = await hubWith();
    await live(dir, hub, step);
    await hub.remove("push.line1-gw.result");
    const again = await live(dir, hub);
    expect({ step, outcomes: again.outcomes }).toEqual({ step, outcomes: ["applied"] });
    expect(filesIn(dir)).toEqual(whole);
  }
}, 180_000);

test("killed at any step while a change is taken back, the next start has the folder as it was", async () => {
  const site = await siteFolder(before);
  const changed = await folderOf(site);
  const hub = await hubWith();
  await leaveOnTrial(changed, hub);
  const steps = await undoSteps(await folderOf(changed), Infinity);
  expect(steps).toBeGreaterThan(10);
  for (let step = 1; step <= steps; step += 1) {
    const dir = await folderOf(changed);
    await undoSteps(dir, step);
    await recoverChange(dir, 0);
    expect([before, whole], `step ${step}`).toContainEqual(filesIn(dir));
    await undoTrial(dir, "does not load", 0);
    expect(filesIn(dir)).toEqual(before);
  }
}, 180_000);

/** Applied, and the power gone before the hub has heard of it. */
async function leaveOnTrial(dir: string, hub: FakeHub): Promise<void> {
  const ask = hub.ask.bind(hub);
  const told = Promise.withResolvers<void>();
  hub.ask = async (subject, payload) => {
    if (!subject.endsWith(".result")) return ask(subject, payload);
    told.resolve();
    return new Promise(() => {});
  };
  await pushDown(dir, hub, unchecked).pushDown.start();
  await told.promise;
  const { journal } = changedFolder(dir);
  await journal.read();
  expect(journal.change?.state).toBe("trial");
}

async function undoSteps(dir: string, diesAt: number): Promise<number> {
  const { disk, steps } = dyingDisk(diesAt);
  await endsBefore(() => steps() >= diesAt, undoTrial(dir, "does not load", 0, disk));
  return steps();
}

test("a change that the gateway does not come through is taken back after three starts", async () => {
  const dir = await siteFolder(before);
  const hub = await hubWith();
  await leaveOnTrial(dir, hub);
  const said: (string | undefined)[] = [];
  for (let start = 0; start < 4; start += 1) said.push(await recoverChange(dir, 0));
  expect(said.slice(0, 3)).toEqual([undefined, undefined, undefined]);
  expect(said[3]).toContain("taken back: the gateway was started 3 times");
  expect(filesIn(dir)).toEqual(before);
});

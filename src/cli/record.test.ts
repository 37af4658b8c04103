import { existsSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { CameraSimulator } from "../../simulators/camera/camera.ts";
import { readRecording } from "../trace/frame-reader.ts";
import { siteFolder } from "../config/test-site.ts";
import { linegate, linesOf, pumpFile, simulatedPump, startLinegate } from "./testing.ts";

test("a device recorded, replayed and read gives the same values, by its mapping and by another", async () => {
  const { file, dir, simulator, unit } = await simulatedPump();
  const out = `${dir}/pump-1.ndjson`;
  const recorded = await linegate("record", file, "--for", "2s", "--out", out, "--json");
  expect(recorded.code).toBe(0);
  const [{ frames } = { frames: 0 }] = linesOf(recorded.stdout);
  expect((await readRecording(out)).frames).toHaveLength(Number(frames));
  const before = linesOf((await linegate("read", file, "--json")).stdout);
  unit.holding.set(10, 1);
  await simulator.refuse();

  const { child, said, ended } = startLinegate("simulate", "--replay", out, "--port", "0");
  await expect.poll(() => said.stdout).toContain("Modbus TCP at");
  const port = Number(/127\.0\.0\.1:(\d+)/.exec(said.stdout)?.[1]);
  const again = await siteFolder({ "devices/pump-1.yaml": pumpFile(port) });
  const after = await linegate("read", `${again}/devices/pump-1.yaml`, "--json");
  expect(linesOf(after.stdout)).toEqual(before);
  const url = `modbus-tcp://127.0.0.1:${port}/1`;
  const one = await linegate("read", url, "holding:41", "holding:45", "--json");
  expect(linesOf(one.stdout)).toMatchObject([
    { value: 0x4336, quality: "good" },
    { value: null, status: "IllegalDataAddress" },
  ]);
  child.kill("SIGINT");
  expect(await ended).toMatchObject({ code: 0, stderr: "" });
});

test("a camera recorded, replayed and read gives the same values", async () => {
  const camera = await CameraSimulator.start({ result: () => ({ score: 0.97, at: 1_795_348_800_000 }) });
  onTestFinished(() => camera.stop());
  const mapping = (origin: string) => `
device: camera-1
adapter: camera
connection: { transport: http-poll, url: "${origin}/result" }
poll: { fast: 50ms }
tags:
  score: { pointer: /score, poll: fast, timestamp: { pointer: /at, unit: ms } }
`;
  const dir = await siteFolder({ "devices/camera-1.yaml": mapping(camera.origin) });
  const out = `${dir}/camera-1.ndjson`;
  const file = `${dir}/devices/camera-1.yaml`;
  expect((await linegate("record", file, "--for", "2s", "--out", out)).code).toBe(0);
  const before = linesOf((await linegate("read", file, "--json")).stdout);
  await camera.stop();

  const { said } = startLinegate("simulate", "--replay", out, "--port", "0");
  await expect.poll(() => said.stdout).toContain("again and again");
  const [origin = ""] = /http:\/\/127\.0\.0\.1:\d+/.exec(said.stdout) ?? [];
  const again = await siteFolder({ "devices/camera-1.yaml": mapping(origin) });
  const after = await linegate("read", `${again}/devices/camera-1.yaml`, "--json");
  expect(linesOf(after.stdout)).toEqual(before);
  expect(before).toMatchObject([{ value: 0.97, quality: "good" }]);
});

test("Ctrl+C ends a recording with what it has", async () => {
  const { file, dir, simulator } = await simulatedPump();
  const out = `${dir}/pump-1.ndjson`;
  const { child, ended } = startLinegate("record", file, "--out", out);
  await expect.poll(() => simulator.requestCount).toBeGreaterThan(5);
  child.kill("SIGINT");
  expect(await ended).toMatchObject({ code: 0, stderr: "" });
  const { header, frames, torn } = await readRecording(out);
  expect({ torn, device: header.device }).toEqual({ torn: false, device: "pump-1" });
  expect(frames.length).toBeGreaterThan(10);
});

test("a recording of a device that was never online is no device, and says so", async () => {
  const { file, dir, simulator } = await simulatedPump();
  simulator.freeze();
  const out = `${dir}/silent.ndjson`;
  const silent = await linegate("record", file, "--for", "2s", "--out", out);
  expect(silent).toMatchObject({ code: 1, stdout: "" });
  expect(silent.stderr).toContain("The device was never online");
  expect(await readRecording(out)).toMatchObject({ neverOnline: true, header: { device: "pump-1" } });
  const replayed = await linegate("simulate", "--replay", out, "--port", "0");
  expect(replayed.code).toBe(1);
  expect(replayed.stderr).toContain("pump-1 was never online while this was recorded");

  await simulator.refuse();
  const absent = await linegate("record", file, "--for", "300ms", "--out", `${dir}/absent.ndjson`, "--json");
  expect(absent.code).toBe(1);
  expect(linesOf(absent.stdout)).toMatchObject([{ frames: 0, online: false }]);
  expect(existsSync(`${dir}/absent.ndjson`)).toBe(false);
});

test("a recording of a protocol that can't be replayed says which can", async () => {
  const dir = await siteFolder({
    "x.ndjson":
      '{"linegate":"frames","version":1,"device":"a","adapter":"profinet","startedAt":0,"mapping":{}}\n',
  });
  const { code, stderr } = await linegate("simulate", "--replay", `${dir}/x.ndjson`);
  expect(code).toBe(1);
  expect(stderr).toContain("can't be replayed yet. Allowed: camera, modbus, mqtt, opcua, sparkplug");
});

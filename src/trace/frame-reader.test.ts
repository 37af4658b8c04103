import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../adapter-kit/clock.ts";
import { readRecording } from "./frame-reader.ts";
import { FrameRecorder } from "./frame-recorder.ts";

const header = { device: "press-1", adapter: "modbus", mapping: { connection: { port: 502 } } };

async function file(text?: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "linegate-frames-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const path = join(dir, "press-1.ndjson");
  if (text !== undefined) await writeFile(path, text);
  return path;
}

async function recorded(path: string) {
  const recorder = await FrameRecorder.create(path, header, { clock: systemClock, force: false });
  recorder.keep("sent", "tcp 10.0.0.5:502", Buffer.from([0, 1, 255]));
  recorder.keep("received", "tcp 10.0.0.5:502", Buffer.from("answer"));
  return recorder;
}

test("what was recorded is read back, while it grows too", async () => {
  const path = await file();
  const recorder = await recorded(path);
  await expect.poll(async () => (await readRecording(path)).frames.length).toBe(2);
  await recorder.close(true);
  const recording = await readRecording(path);
  expect(recording.header).toMatchObject({ ...header, linegate: "frames", version: 1 });
  expect(recording.torn).toBe(false);
  expect(recording.frames.map(({ direction, bytes }) => [direction, bytes.toString("hex")])).toEqual([
    ["sent", "0001ff"],
    ["received", Buffer.from("answer").toString("hex")],
  ]);
});

test("of a large frame that comes in two parts a recording has the whole", async () => {
  const path = await file();
  const recorder = await FrameRecorder.create(path, header, { clock: systemClock, force: false });
  recorder.keep("received", "http://camera/image", Buffer.from("PNG"), Buffer.from(" and the rest"));
  await recorder.close(true);
  const [frame] = (await readRecording(path)).frames;
  expect([frame?.bytes.toString(), frame?.length]).toEqual(["PNG and the rest", undefined]);
});

test("a recording of a device that was never online says so", async () => {
  const path = await file();
  await (await recorded(path)).close(false);
  const { frames, torn, neverOnline } = await readRecording(path);
  expect({ torn, neverOnline }).toEqual({ torn: false, neverOnline: true });
  expect(frames).toHaveLength(2);
});

test("a torn last line costs that line alone", async () => {
  const path = await file();
  await (await recorded(path)).close(true);
  const text = await readFile(path, "utf8");
  const torn = await readRecording(await file(text.slice(0, -12)));
  expect(torn.torn).toBe(true);
  expect(torn.frames).toHaveLength(1);
});

test.each([
  ["", "is empty"],
  ["hello\n", ":1: this is no recording"],
  ['{"linegate":"frames","version":2,"device":"a","adapter":"b"}\n', "has version 2"],
  [
    '{"linegate":"frames","version":1,"device":"a","adapter":"b"}\nrubbish\n{"t":1,"direction":"sent","channel":"","bytes":""}\n',
    ":2: this is no frame",
  ],
])("%j is told by file and line", async (text, message) => {
  await expect(readRecording(await file(text))).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringContaining(message),
  });
});

test("a recording that is there is not written over unasked", async () => {
  const path = await file("precious\n");
  await expect(recorded(path)).rejects.toMatchObject({ message: expect.stringContaining("--force") });
  expect(await readFile(path, "utf8")).toBe("precious\n");
});

test("a file that is not there is said so", async () => {
  await expect(readRecording("/nowhere/at/all.ndjson")).rejects.toThrow("there is no such file");
});

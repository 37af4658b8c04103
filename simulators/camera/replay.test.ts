import { expect, test } from "vitest";
import { cameraOf, inspection, inspectionTags } from "../../adapters/camera/mapping-fixture.ts";
import { camera, keptImages, running, untilValue } from "../../adapters/camera/testing.ts";
import { freePort, type RecordingContext } from "../../src/adapter-kit/testing.ts";
import { recordingFromGateway, recordingOf, replayed } from "../site/recording-fixture.ts";
import { postResult } from "./push.ts";

/** A machine that many share. */
const event = { name: "inspected", key: "/part", image: true };
const scores = (context: RecordingContext) =>
  context.batches
    .flat()
    .filter(({ tag }) => tag === "inspection/score")
    .map(({ value, sourceTimestamp }) => `${JSON.stringify(value)} at ${sourceTimestamp}`)
    .filter((text, index, all) => text !== all[index - 1]);
const published = (context: RecordingContext) => context.events.map(({ data }) => data);

test("a polled camera recorded and replayed gives the same readings, events and images", async () => {
  const { shown, url, simulator } = await camera();
  const tags = { ...inspectionTags, image: { image: true, url: "/image" } };
  const device = cameraOf(tags, { transport: "http-poll", url }, { event });
  const first = keptImages();
  const { context, end } = await running(device, { images: first.images });
  await untilValue(context, "inspection/part", "P-1");
  shown.result = inspection("P-2", 0.5);
  await expect.poll(() => context.events).toHaveLength(1);
  await end();
  await simulator.stop();

  const again = await replayed(recordingOf(device, context), { port: 0 });
  const [, port] = /127\.0\.0\.1:(\d+)/.exec(again.place) ?? [];
  const there = cameraOf(
    tags,
    { transport: "http-poll", url: `http://127.0.0.1:${port}/results` },
    { event },
  );
  const second = keptImages();
  const { context: after } = await running(there, { images: second.images });
  await expect.poll(() => after.events.length).toBeGreaterThan(0);
  expect(scores(after).slice(0, 2)).toEqual(scores(context));
  expect(after.events[0]?.data["result"]).toEqual(context.events[0]?.data["result"]);
  expect([...second.kept.values()][0]).toEqual([...first.kept.values()][0]);
  // Polls that a busy machine missed are no fault of the recording.
  expect([...after.faults.keys()].filter((kind) => kind !== "overrun")).toEqual([]);
});

test("a pushing camera posts again what it posted, images with it", async () => {
  const connection = { transport: "http-push", listen: `127.0.0.1:${await freePort()}` };
  const device = cameraOf({ ...inspectionTags, image: { image: true } }, connection, { event });
  const first = keptImages();
  const { context, end } = await running(device, { images: first.images });
  const url = `http://${connection.listen}/camera/camera-1`;
  const picture = Buffer.from(`\x89PNG\r\n\x1a\n${"x".repeat(2_000)}`, "latin1");
  expect(await postResult({ url }, inspection("P-1"), picture)).toBe(200);
  expect(await postResult({ url }, inspection("P-2", 0.5))).toBe(200);
  const recording = recordingOf(device, context);
  await end();

  const second = keptImages();
  const { context: after } = await running(device, { images: second.images });
  await replayed(recording);
  await expect.poll(() => after.events.length).toBeGreaterThan(1);
  const withoutKeys = (data: unknown) => JSON.stringify(data).replaceAll(/"camera-1\/[0-9-]+"/g, "");
  expect(withoutKeys(published(after).slice(0, 2))).toEqual(withoutKeys(published(context)));
  expect(scores(after)).toEqual(scores(context));
  expect([...second.kept.values()]).toEqual([...first.kept.values()]);
});

test("a streaming camera gives its frames again, to each gateway from the beginning", async () => {
  const { simulator } = await camera();
  const connection = { transport: "websocket", url: `${simulator.origin.replace("http", "ws")}/stream` };
  const tags = { ...inspectionTags, image: { image: true } };
  const device = cameraOf(tags, connection, { event });
  const first = keptImages();
  const { context, end } = await running(device, { images: first.images });
  simulator.stream(inspection("P-1"), Buffer.from("\x89PNG\r\n\x1a\n".padEnd(900, "x"), "latin1"));
  simulator.stream(inspection("P-2", 0.5), Buffer.from("\xff\xd8\xff two", "latin1"));
  await expect.poll(() => context.events).toHaveLength(2);
  await end();
  await simulator.stop();

  const again = await replayed(recordingOf(device, context), { port: 0 });
  const [url = ""] = /ws:\S+stream/.exec(again.place) ?? [];
  for (let gateway = 0; gateway < 2; gateway += 1) {
    const second = keptImages();
    const { context: after } = await running(cameraOf(tags, { ...connection, url }, { event }), {
      images: second.images,
    });
    await expect.poll(() => after.events.length).toBeGreaterThan(1);
    expect(scores(after).slice(0, 2)).toEqual(scores(context));
    expect([...second.kept.values()].slice(0, 2)).toEqual([...first.kept.values()]);
  }
});

test("of a recording that a gateway kept, results are there again, and images that it cut are not", async () => {
  const { url } = await camera();
  const tags = { ...inspectionTags, image: { image: true, url: "/image" } };
  const device = cameraOf(tags, { transport: "http-poll", url }, { event });
  const { context } = await running(device, { images: keptImages().images });
  await untilValue(context, "inspection/part", "P-1");
  const recording = recordingFromGateway(device, context);
  const cut = {
    t: 0,
    channel: url.replace("results", "image"),
    bytes: Buffer.from("GET /image HTTP/1.1\r\n\r\n"),
  };
  const frames = [
    { ...cut, direction: "sent" as const },
    { ...cut, direction: "received" as const, bytes: Buffer.from("HTTP/1.1 200\r\n\r\nPNG"), length: 9_000 },
    ...recording.frames,
  ];
  const { place } = await replayed({ ...recording, frames }, { port: 0 });
  const [origin = ""] = /http:\/\/[^/]+/.exec(place) ?? [];
  expect((await fetch(`${origin}/image`)).status).toBe(404);
  expect(await (await fetch(`${origin}/results`)).json()).toEqual(inspection("P-1"));
});

test("a recording in which nothing was said is refused in words", async () => {
  for (const connection of [
    { transport: "http-poll", url: "http://127.0.0.1:1/results" },
    { transport: "http-push", listen: "127.0.0.1:1" },
    { transport: "websocket", url: "ws://127.0.0.1:1/stream" },
  ]) {
    const mapping = cameraOf(inspectionTags, connection);
    const header = {
      linegate: "frames",
      version: 1,
      device: "c",
      adapter: "camera",
      startedAt: 0,
      mapping,
    } as const;
    await expect(replayed({ header, frames: [], torn: false })).rejects.toThrow("The recording holds no");
  }
});

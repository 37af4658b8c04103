import { readFile } from "node:fs/promises";
import { expect, onTestFinished, test } from "vitest";
import { cameraOf, inspectionTags } from "../../adapters/camera/mapping-fixture.ts";
import type { CameraDevice } from "../../adapters/camera/mapping.ts";
import { keptImages, running } from "../../adapters/camera/testing.ts";
import { freePort } from "../../src/adapter-kit/testing.ts";
import { gatewaySchema } from "../../src/config/gateway-schema.ts";
import { SimulatedCameraDevice } from "./camera-device.ts";
import { simulateSite } from "./simulate-site.ts";

const event = { name: "inspected", key: "/part", image: true };
const tags = { ...inspectionTags, image: { image: true } };

async function simulated(camera: CameraDevice) {
  const site = {
    dir: "/nowhere",
    gateway: gatewaySchema.parse({ gateway: "gw", site: "a/b" }),
    devices: [camera],
    files: [],
  };
  const simulation = await simulateSite(site, { ports: "free" });
  onTestFinished(() => simulation.stop());
  const [device] = simulation.devices;
  return { simulation, device, mapping: simulation.site.devices[0] as CameraDevice };
}

test.each([
  [
    "http-poll",
    { transport: "http-poll", url: "http://127.0.0.1:81/api/result" },
    { image: true, url: "/snap" },
  ],
  ["websocket", { transport: "websocket", url: "ws://127.0.0.1:81/stream" }, { image: true }],
])(
  "a camera over %s is made from its mapping, and the adapter reads it back",
  async (_, connection, image) => {
    const { device, mapping } = await simulated(cameraOf({ ...tags, image }, connection, { event }));
    device?.set("inspection/part", "P-1");
    const { images, kept } = keptImages();
    const { context } = await running(mapping, { images });
    await expect
      .poll(() => {
        device?.set("inspection/score", Math.random());
        return context.latest.get("inspection/part")?.value;
      })
      .toBe("P-1");
    device?.set("inspection/part", "P-2");
    await expect.poll(() => context.events.at(-1)?.data).toMatchObject({ result: { part: "P-2" } });
    expect([...kept.values()].at(-1)?.contentType).toBe("image/png");
  },
);

test("a camera that posts finds the gateway, with its token", async () => {
  const port = await freePort();
  process.env["LINEGATE_TEST_CAMERA"] = "let me in";
  onTestFinished(() => void delete process.env["LINEGATE_TEST_CAMERA"]);
  const connection = {
    transport: "http-push",
    listen: `127.0.0.1:${port}`,
    token: "env:LINEGATE_TEST_CAMERA",
    tokenIn: "x-token",
  };
  const { device, mapping } = await simulated(cameraOf(tags, connection));
  const files = { secret: async () => "let me in", text: async () => "" };
  const { context } = await running(mapping, { files, images: keptImages().images });
  await expect
    .poll(() => {
      device?.set("inspection/score", Math.random());
      return context.goodTags().length;
    })
    .toBe(4);
});

test("a result is stamped with the time of its last change; a value written sticks", () => {
  let now = Date.UTC(2026, 10, 22);
  const write = { url: "/exposure", pointer: "/ms" };
  const device = new SimulatedCameraDevice(
    cameraOf(
      { ...inspectionTags, exposure: { pointer: "/exposure", write } },
      { transport: "http-poll", url: "http://h/r" },
    ),
    () => now,
  );
  device.set("inspection/score", 0.9);
  const first = device.result("/r");
  now += 5_000;
  device.set("inspection/score", 0.9);
  expect(device.result("/r")).toEqual(first);
  device.receive("/exposure", { ms: 12 });
  expect(device.get("exposure")).toBe(12);
  expect(device.result("/r")).toMatchObject({ at: now, exposure: 12 });
  expect(device.result("/elsewhere")).toBeUndefined();
});

test.each([
  [
    "http-poll",
    { transport: "http-poll", url: "https://127.0.0.1:81/api/result" },
    { image: true, url: "/snap" },
  ],
  ["websocket", { transport: "websocket", url: "wss://127.0.0.1:81/stream" }, { image: true }],
])("a camera over %s behind TLS is simulated with an authority of its own", async (_, connection, image) => {
  const { device, mapping } = await simulated(cameraOf({ ...tags, image }, connection, { event }));
  device?.set("inspection/part", "P-1");
  const text = (path: string) => readFile(path, "utf8");
  const { context } = await running(mapping, { images: keptImages().images, files: { text } });
  await expect
    .poll(() => {
      device?.set("inspection/score", Math.random());
      return context.latest.get("inspection/part")?.value;
    })
    .toBe("P-1");
});

test("a camera that posts is a server as well where a snapshot is asked of it", async () => {
  const connection = { transport: "http-push", listen: `127.0.0.1:${await freePort()}` };
  const snapshot = { url: "http://127.0.0.1:81/snap.png", trigger: "press-1/cycle/done" };
  const { mapping } = await simulated(cameraOf(tags, connection, { event, snapshot }));
  const { context } = await running(mapping, { images: keptImages().images });
  for (const value of [false, true]) {
    const reading = { value, quality: "good", timestamp: 1_000 } as const;
    await expect.poll(() => context.reading("press-1/cycle/done", reading)).toBe(1);
  }
  // Posts bring images as well; this one has the trigger's time.
  const taken = () => context.batches.flat().find(({ sourceTimestamp }) => sourceTimestamp === 1_000);
  await expect
    .poll(taken)
    .toMatchObject({ tag: "image", quality: "good", value: { contentType: "image/png" } });
});

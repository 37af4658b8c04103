import { once } from "node:events";
import { createServer } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { Authority } from "../../simulators/camera/authority.ts";
import { postResult } from "../../simulators/camera/push.ts";
import { freePort, type RecordingOptions } from "../../src/adapter-kit/testing.ts";
import { cameraOf, inspection, inspectionTags } from "./mapping-fixture.ts";
import { camera, keptImages, running, untilValue } from "./testing.ts";

const trigger = "press-1/cycle/done";
const event = { name: "inspected", fields: { part: "/part" }, image: true };
const tags = { ...inspectionTags, image: { image: true } };

interface Sending {
  readonly camera?: Parameters<typeof camera>[0];
  readonly snapshot?: object;
  readonly connection?: object;
  readonly options?: RecordingOptions;
}

/** A camera that sends by itself and is asked for its snapshots; `send` sends a result, `rise` sets the trigger off. */
async function sending(transport: string, { camera: how = {}, snapshot, connection, options }: Sending = {}) {
  const { simulator } = await camera(how);
  const port = await freePort();
  const streamed = transport === "websocket";
  const { kept, images } = keptImages();
  const device = cameraOf(
    tags,
    {
      transport,
      timeout: "300ms",
      ...(streamed
        ? { url: `${simulator.origin.replace("http", "ws")}/stream` }
        : { listen: `127.0.0.1:${port}` }),
      ...connection,
    },
    { event, snapshot: { url: streamed ? "/image" : `${simulator.origin}/image`, trigger, ...snapshot } },
  );
  const { context } = await running(device, { images, ...options });
  const url = `http://127.0.0.1:${port}/camera/camera-1`;
  const send = async (part: string) => {
    if (!streamed) return void (await postResult({ url }, inspection(part)));
    await expect.poll(() => simulator.listeners).toBe(1);
    simulator.stream(inspection(part));
  };
  let at = 1_000;
  const say = (value: boolean) => context.reading(trigger, { value, quality: "good", timestamp: (at += 1) });
  await expect.poll(() => say(false)).toBe(1);
  const rise = () => {
    say(true);
    say(false);
  };
  return { simulator, context, kept, send, rise };
}

const kinds = ["http-push", "websocket"];

test.each(kinds)(
  "a trigger has a snapshot taken of a camera over %s, and its result's event says where",
  async (kind) => {
    const { context, kept, send, rise } = await sending(kind);
    rise();
    await expect.poll(() => context.latest.get("image")?.quality).toBe("good");
    await send("P-1");
    await expect.poll(() => context.events).toHaveLength(1);
    const [key] = kept.keys();
    expect(context.events[0]?.data).toMatchObject({ part: "P-1", image: { key }, trigger: { tag: trigger } });
    expect(context.latest.get("image")?.sourceTimestamp).toBe(context.events[0]?.timestamp);
    await send("P-2");
    await expect.poll(() => context.events).toHaveLength(2);
    expect(context.events[1]?.data).toEqual({ part: "P-2", image: null });
  },
);

test.each(kinds)(
  "over %s a snapshot that comes late is waited for, and results meanwhile are not held up",
  async (kind) => {
    const { simulator, context, send, rise } = await sending(kind, { camera: { slowMs: 150 } });
    simulator.suffer("slow");
    rise();
    await expect.poll(() => simulator.bitten).toBe(1);
    simulator.heal();
    await send("P-1");
    await untilValue(context, "inspection/part", "P-1");
    await expect.poll(() => context.events).toHaveLength(1);
    expect(context.events[0]?.data).toMatchObject({ part: "P-1", image: { bucket: "images" } });
  },
);

test.each(kinds)("over %s a camera that never answers costs the image alone", async (kind) => {
  const { simulator, context, send, rise } = await sending(kind);
  simulator.suffer("half-body");
  rise();
  await expect.poll(() => simulator.bitten).toBe(1);
  simulator.heal();
  await send("P-1");
  await expect.poll(() => context.events).toHaveLength(1);
  expect(context.events[0]?.data).toMatchObject({ part: "P-1", image: null, trigger: { tag: trigger } });
  expect(context.latest.get("image")).toMatchObject({ quality: "bad", status: "NoImage" });
  expect(context.losses).toEqual([]);
});

test.each([
  ["garbage", "NotAnImage"],
  ["status-500", "Http500"],
  ["status-404", "Http404"],
  ["not-http", "NoImage"],
  ["redirect", "Http302"],
  ["huge", "PayloadTooLarge"],
] as const)("a camera that answers a snapshot with %s: the image says %s", async (fault, status) => {
  const { simulator, context, send, rise } = await sending("http-push", { connection: { maxBytes: "1MB" } });
  simulator.suffer(fault);
  rise();
  await expect.poll(() => context.latest.get("image")?.status).toBe(status);
  await send("P-1");
  await expect.poll(() => context.latest.get("inspection/part")?.quality).toBe("good");
  expect(context.losses).toEqual([]);
});

test("a place of a snapshot that answers nobody gives up after the timeout", async () => {
  const deaf = createServer((socket) => socket.on("error", () => undefined));
  deaf.listen(0, "127.0.0.1");
  await once(deaf, "listening");
  onTestFinished(() => void deaf.close());
  const address = deaf.address();
  const port = typeof address === "object" ? address?.port : 0;
  const snapshot = { url: `http://127.0.0.1:${port}/image` };
  const { context, rise } = await sending("http-push", { snapshot });
  rise();
  await expect.poll(() => context.latest.get("image")?.status).toBe("NoImage");
});

test("a result that comes too long after the trigger is not taken for its own", async () => {
  const { context, kept, send, rise } = await sending("http-push", { snapshot: { within: "1ms" } });
  rise();
  await expect.poll(() => kept.size).toBe(1);
  await send("P-1");
  await expect.poll(() => context.events).toHaveLength(1);
  expect(context.events[0]?.data).toEqual({ part: "P-1", image: null });
});

test("a snapshot of a pushing camera is fetched with its password, over TLS with its authority", async () => {
  const plant = new Authority("Plant CA");
  const gate = { scheme: "digest", user: "gateway", password: "secret", algorithm: "SHA-256" } as const;
  const { context, kept, rise } = await sending("http-push", {
    camera: { gate, tls: plant.issue({ names: ["127.0.0.1"] }) },
    connection: {
      auth: { scheme: "digest", user: "gateway", password: "env:CAMERA" },
      tls: { ca: "plant-ca.pem" },
    },
    options: { files: { secret: async () => "secret", text: async () => plant.cert } },
  });
  rise();
  await expect.poll(() => kept.size).toBe(1);
  expect(context.latest.get("image")?.quality).toBe("good");
});

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { WebSocketServer } from "ws";
import { pictureOf } from "../../simulators/camera/picture.ts";
import { cameraOf, inspection, inspectionTags } from "./mapping-fixture.ts";
import { camera, keptImages, refusal, running, untilValue } from "./testing.ts";

const event = { name: "inspected", fields: { part: "/part" } };

/** A streaming camera, and the mapping that reads it. */
async function streaming(connection: object = {}, options: Parameters<typeof camera>[0] = {}) {
  const { simulator } = await camera(options);
  const url = `${simulator.origin.replace("http", "ws")}/stream`;
  const device = (more: Parameters<typeof cameraOf>[2] = {}) =>
    cameraOf(
      { ...inspectionTags, image: { image: true } },
      { transport: "websocket", url, timeout: "500ms", ...connection },
      more,
    );
  return { simulator, device };
}

test("messages become tags and events, and a binary one the image of the result before it", async () => {
  const { simulator, device } = await streaming({ subscribe: '{"stream":"on"}' });
  const { kept, images } = keptImages();
  const { context } = await running(device({ event: { ...event, image: true } }), { images });
  await expect.poll(() => simulator.heard).toEqual(['{"stream":"on"}']);
  simulator.stream(inspection("P-1"), pictureOf("P-1"));
  simulator.stream(inspection("P-2"), pictureOf("P-2"));
  await expect.poll(() => context.events.map(({ data }) => data["part"])).toEqual(["P-1", "P-2"]);
  const keys = context.events.map(({ data }) => (data["image"] as { key: string }).key);
  expect(keys.map((key) => kept.get(key)?.bytes)).toEqual([pictureOf("P-1"), pictureOf("P-2")]);
  expect(context.latest.get("inspection/part")).toMatchObject({ value: "P-2" });
});

test("a message that a camera sends in one piece with the handshake is not lost", async () => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  onTestFinished(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  await once(server, "listening");
  server.on("headers", (_, request) => request.socket.cork());
  server.on("connection", (client, request) => {
    client.send(JSON.stringify(inspection("P-0")));
    request.socket.uncork();
  });
  const { port } = server.address() as AddressInfo;
  const device = cameraOf(inspectionTags, { transport: "websocket", url: `ws://127.0.0.1:${port}/` });
  const { context } = await running(device);
  await untilValue(context, "inspection/part", "P-0");
  expect(context.faults).toEqual(new Map());
});

test("an event without its image goes out all the same: at the next result, or a second later", async () => {
  const { simulator, device } = await streaming();
  const { context } = await running(device({ event: { ...event, image: true } }), keptImages());
  simulator.stream(inspection("P-1"));
  simulator.stream(inspection("P-2"));
  await expect.poll(() => context.events.length).toBe(1);
  expect(context.events[0]?.data).toEqual({ part: "P-1", image: null });
  await expect.poll(() => context.events.length).toBe(2);
});

test("a message that is no JSON makes its tags bad, and the next one good again", async () => {
  const { simulator, device } = await streaming();
  const { context } = await running(device({ event }));
  simulator.suffer("garbage");
  simulator.stream({});
  await expect.poll(() => context.latest.get("inspection/part")?.status).toBe("MalformedPayload");
  simulator.heal();
  simulator.stream(inspection("P-3"));
  await untilValue(context, "inspection/part", "P-3");
  expect(context.events).toHaveLength(1);
});

test("images that come faster than they are stored are dropped and counted", async () => {
  const { simulator, device } = await streaming();
  const { images } = keptImages();
  const slow = {
    put: async (...args: Parameters<typeof images.put>) => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return images.put(...args);
    },
  };
  const { context } = await running(device(), { images: slow });
  for (let count = 0; count < 5; count += 1) simulator.stream(inspection("P-1"), pictureOf(`${count}`));
  await expect.poll(() => context.faults.get("overrun")).toBe(3);
  await expect.poll(() => context.latest.get("image")?.quality).toBe("good");
});

test("a camera that answers no ping is lost, though its connection stands", async () => {
  const { simulator, device } = await streaming({ ping: "50ms" });
  const { ended, context } = await running(device());
  await expect.poll(() => context.requests.get("ping")).toBeGreaterThan(1);
  simulator.suffer("silent");
  await expect(ended).rejects.toMatchObject({ code: "DEVICE_TIMEOUT" });
});

test.each([
  ["a closed connection", "disconnect", "DEVICE_UNREACHABLE", /closed the connection|failed/],
  ["a message far too large", "huge", "PROTOCOL_VIOLATION", /more than 1000000 bytes/],
] as const)("%s ends the connection with its reason", async (_, what, code, message) => {
  const { simulator, device } = await streaming({ maxBytes: "1MB" });
  const { ended } = await running(device());
  if (what === "disconnect") simulator.disconnect();
  else {
    simulator.suffer(what);
    simulator.stream({});
  }
  await expect(ended).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string });
});

test("a wrong token, a wrong path and a camera that does not answer are told apart", async () => {
  const files = { secret: async () => "right", text: async () => "" };
  const gate = { scheme: "bearer", token: "right" } as const;
  const auth = { scheme: "bearer", token: "env:T" };
  const guarded = await streaming({ auth }, { gate });
  expect(await refusal(guarded.device(), { files })).toBeUndefined();
  const wrong = { files: { ...files, secret: async () => "wrong" } };
  expect(await refusal(guarded.device(), wrong)).toMatchObject({
    code: "DEVICE_REJECTED",
    message: expect.stringContaining("401") as string,
  });
  const absent = await streaming({}, { result: () => undefined });
  expect(await refusal(absent.device())).toMatchObject({
    message: expect.stringContaining("nothing at /stream (404)") as string,
  });
  const silent = await streaming({ timeout: "100ms" });
  silent.simulator.suffer("silent");
  expect(await refusal(silent.device())).toMatchObject({ code: "DEVICE_TIMEOUT" });
});

import { once } from "node:events";
import { connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { BusRegistry } from "../../src/adapter-kit/bus.ts";
import { freePort } from "../../src/adapter-kit/testing.ts";
import { pictureOf } from "../../simulators/camera/picture.ts";
import { postResult } from "../../simulators/camera/push.ts";
import { cameraAdapter } from "./adapter.ts";
import { cameraOf, inspection, inspectionTags } from "./mapping-fixture.ts";
import { keptImages, refusal, running, untilValue } from "./testing.ts";

const picture = pictureOf("P-1");
const event = { name: "inspected", fields: { part: "/part" }, image: true };

/** A pushing camera's adapter on a free port, and where to post to. */
async function listening(
  connection: object = {},
  options: Parameters<typeof running>[1] = {},
  more: Parameters<typeof cameraOf>[2] = {},
) {
  const port = await freePort();
  const device = cameraOf(
    { ...inspectionTags, image: { image: true } },
    { transport: "http-push", listen: `127.0.0.1:${port}`, ...connection },
    more,
  );
  const url = `http://127.0.0.1:${port}/camera/camera-1`;
  return { ...(await running(device, options)), device, port, url };
}

/** Posts anything; gives status and text. */
async function post(url: string, body: string | Buffer, type: string, headers: object = {}) {
  const response = await fetch(url, {
    method: "POST",
    body: typeof body === "string" ? body : new Uint8Array(body),
    headers: { "content-type": type, connection: "close", ...headers },
  });
  return [response.status, await response.text()] as const;
}

test("a posted result becomes tags and one event, with the image that came with it", async () => {
  const { kept, images } = keptImages();
  const { context, url } = await listening({}, { images }, { event });
  expect(await postResult({ url }, inspection("P-1"), picture)).toBe(200);
  expect(context.goodTags().sort()).toEqual(["image", ...Object.keys(inspectionTags).sort()]);
  expect([...kept.values()]).toEqual([{ bytes: picture, contentType: "image/png" }]);
  expect(context.events).toMatchObject([
    { name: "inspected", data: { part: "P-1", image: { bytes: picture.length } } },
  ]);
});

test("a bare image, and parts of multipart/mixed without names, are taken too", async () => {
  const { kept, images } = keptImages();
  const { context, url } = await listening({}, { images });
  expect((await post(url, picture, "application/octet-stream"))[0]).toBe(200);
  const mixed = `--b\r\nContent-Type: text/json\r\n\r\n${JSON.stringify(inspection("P-2"))}\r\n--b\r\n\r\n`;
  const body = Buffer.concat([Buffer.from(mixed), picture, Buffer.from("\r\n--b--")]);
  expect((await post(url, body, "multipart/mixed; boundary=b"))[0]).toBe(200);
  await untilValue(context, "inspection/part", "P-2");
  expect([...kept.values()].map(({ bytes }) => bytes)).toEqual([picture, picture]);
});

test.each([
  ["no JSON", "application/json", "{", /Expected a result as JSON/],
  ["a cut multipart body", "multipart/form-data; boundary=b", '--b\r\n\r\n{"part"', /cut off/],
  ["multipart without a boundary", "multipart/form-data", "x", /boundary/],
  ["multipart without anything", "multipart/form-data; boundary=b", "--b--", /neither a result nor an image/],
  ["multipart with a broken result", "multipart/form-data; boundary=b", "--b\r\n\r\n{\r\n--b--", /no JSON/],
])("%s is answered with 400 and the reason, and changes no tag", async (_, type, body, reason) => {
  const { context, url } = await listening();
  const [status, text] = await post(url, body, type);
  expect(status).toBe(400);
  expect(text).toMatch(reason);
  expect(context.batches).toEqual([]);
  expect(context.faults.get("malformed-payload")).toBe(1);
});

test.each<[tokenIn: string, query: string, headers: object]>([
  ["authorization", "", { authorization: "Bearer secret" }],
  ["x-token", "", { "x-token": "secret" }],
  ["query", "?token=secret", {}],
])("a token is looked for in %s and nowhere else", async (tokenIn, query, headers) => {
  const files = { secret: async () => "secret", text: async () => "" };
  const { context, url } = await listening({ token: "env:TOKEN", tokenIn }, { files });
  const json = JSON.stringify(inspection("P-1"));
  for (const wrong of [url, `${url}?token=secre`, `${url}?token=secret2`]) {
    expect((await post(wrong, json, "application/json", { "x-token": "wrong" }))[0]).toBe(401);
  }
  expect(context.batches).toEqual([]);
  expect((await post(`${url}${query}`, json, "application/json", headers))[0]).toBe(200);
  expect(context.faults.get("http-401")).toBe(3);
});

test("a post that is too large is refused by its length, or as soon as it is", async () => {
  const { context, port, url } = await listening({ maxBytes: "100KB" });
  expect((await post(url, "x".repeat(200_000), "application/json"))[0]).toBe(413);
  const socket = connect(port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  socket.on("error", () => undefined);
  socket.write("POST /camera/camera-1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  const [first] = await Promise.all([
    once(socket, "data") as Promise<[Buffer]>,
    (async () => {
      for (let sent = 0; sent < 20; sent += 1) socket.write(`2710\r\n${"x".repeat(10_000)}\r\n`);
    })(),
  ]);
  expect(first[0].toString()).toContain("413 Payload Too Large");
  expect(context.faults.get("http-413")).toBe(2);
});

test("a client that never ends its request is cut off, while others are served", async () => {
  const { context, port, url } = await listening();
  const slow = connect(port, "127.0.0.1");
  onTestFinished(() => void slow.destroy());
  slow.on("error", () => undefined);
  slow.write("POST /camera/camera-1 HTTP/1.1\r\nHost: x\r\nX-Slow: ");
  slow.resume();
  const closed = once(slow, "close");
  expect(await postResult({ url }, inspection("P-1"))).toBe(200);
  expect(context.goodTags()).toHaveLength(3);
  await closed;
});

test("what is no post, or has no camera, is refused", async () => {
  const { port, url } = await listening();
  expect((await fetch(url)).status).toBe(405);
  expect((await post(`http://127.0.0.1:${port}/camera/other`, "{}", "application/json"))[0]).toBe(404);
});

test("the answer does not wait for NATS longer than a second, and the result is not lost", async () => {
  const images = {
    put: (_: string, __: Uint8Array, ___: string, signal: AbortSignal) =>
      new Promise<never>((_resolve, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason as Error)),
      ),
  };
  const { context, url } = await listening({}, { images }, { event });
  expect(await postResult({ url }, inspection("P-1"), picture)).toBe(200);
  expect(context.latest.get("image")).toMatchObject({ quality: "bad", status: "ImageNotStored" });
  expect(context.events).toMatchObject([{ data: { part: "P-1", image: null } }]);
});

test("cameras that name the same address share its listener; two with one path are a mistake", async () => {
  const buses = new BusRegistry();
  const { context, device, port } = await listening({}, { buses });
  const other = await running({ ...device, device: "camera-2" }, { buses });
  expect(await postResult({ url: `http://127.0.0.1:${port}/camera/camera-2` }, inspection("P-2"))).toBe(200);
  await untilValue(other.context, "inspection/part", "P-2");
  expect(context.batches).toEqual([]);
  const twin = cameraAdapter.create(device, other.context);
  onTestFinished(() => twin.close());
  await twin.connect(AbortSignal.timeout(1_000));
  await expect(twin.run(AbortSignal.timeout(1_000))).rejects.toMatchObject({ code: "CONFIG_INVALID" });
});

test("a port that another program has is told as such", async () => {
  const { device } = await listening();
  expect(await refusal(device)).toMatchObject({
    code: "DEVICE_UNREACHABLE",
    message: expect.stringMatching(/can't listen for cameras on 127.0.0.1:\d+/) as string,
  });
});

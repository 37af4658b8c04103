import { createHash, randomBytes } from "node:crypto";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { Objm } from "@nats-io/obj";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { hash } from "bcrypt";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../adapter-kit/clock.ts";
import { gatewaySchema } from "../config/gateway-schema.ts";
import { natsUsers } from "../security/nats-permissions.ts";
import { NatsImageStore } from "./image-store.ts";
import type { NatsPart, NatsPartOptions } from "./nats-part.ts";
import { never, noServerHere, testLink, testPart } from "./testing.ts";

beforeEach(async (ctx) => {
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
});

function configOf(images: object) {
  return gatewaySchema.parse({ gateway: "gw", site: "a/b", images }).images;
}

async function running(images: object = {}, options: Partial<NatsPartOptions> = {}) {
  const part = await testPart(
    { embedded: { listen: "127.0.0.1:0", store: "data", maxBytes: "100MB" } },
    options,
  );
  await part.start(never);
  const store = (more: object) =>
    new NatsImageStore({ config: configOf({ ...images, ...more }), link: part.link, clock: systemClock });
  return { part, store: store({}), storeWith: store };
}

async function client(part: NatsPart, user: object = {}): Promise<NatsConnection> {
  const connection = await connect({ servers: `127.0.0.1:${part.server?.port}`, reconnect: false, ...user });
  onTestFinished(() => connection.close());
  return connection;
}

/** The names that the bucket shows, each read whole; a half one would reject by its digest. */
async function readAll(connection: NatsConnection): Promise<Map<string, Buffer>> {
  const objects = await new Objm(jetstream(connection)).open("images");
  const all = new Map<string, Buffer>();
  for (const { name } of await objects.list()) {
    all.set(name, Buffer.from((await objects.getBlob(name)) ?? []));
  }
  return all;
}

test("what is stored is an object of the client's object store API, byte for byte", async () => {
  const { part, store } = await running();
  const images = [randomBytes(1), randomBytes(131_072), randomBytes(300_000)];
  for (const [index, image] of images.entries()) {
    const sha256 = createHash("sha256").update(image).digest("hex");
    expect(await store.put(`camera-1/${index}`, image, "image/png", never)).toEqual({
      bucket: "images",
      key: `camera-1/${index}`,
      sha256,
      bytes: image.length,
      contentType: "image/png",
    });
  }
  const connection = await client(part);
  const read = await readAll(connection);
  expect([...read.keys()]).toEqual(["camera-1/0", "camera-1/1", "camera-1/2"]);
  for (const [index, image] of images.entries()) expect(read.get(`camera-1/${index}`)).toEqual(image);
  const info = await (await new Objm(jetstream(connection)).open("images")).info("camera-1/2");
  expect(info?.headers?.get("Content-Type")).toBe("image/png");
});

test("a full store removes its oldest images whole: every object that is listed can be read", async () => {
  const { part, store } = await running({ maxBytes: "4MB" });
  const connection = await client(part);
  for (let count = 0; count < 40; count += 1) {
    await store.put(
      `c/${String(count).padStart(3, "0")}`,
      randomBytes(200_000 + count * 5_000),
      "image/png",
      never,
    );
  }
  const read = await readAll(connection);
  expect(read.size).toBeGreaterThan(8);
  expect([...read.keys()].at(-1)).toBe("c/039");
  expect([...read.keys()][0]).toBe(`c/${String(40 - read.size).padStart(3, "0")}`);
  const { state } = await (await jetstreamManager(connection)).streams.info("OBJ_images");
  expect(state.bytes).toBeLessThanOrEqual(4_000_000);
});

test("an image that can never fit is refused, and removes none", async () => {
  const { part, store } = await running({ maxBytes: "4MB" });
  await store.put("c/1", randomBytes(1_000), "image/png", never);
  const huge = store.put("c/2", Buffer.alloc(4_500_000), "image/png", never);
  await expect(huge).rejects.toMatchObject({ code: "STORE_FULL" });
  expect([...(await readAll(await client(part))).keys()]).toEqual(["c/1"]);
});

test("a limit that was lowered takes whole images away; a store with less room than asked for is made smaller", async () => {
  const { part, store, storeWith } = await running({ maxBytes: "900MB", keep: "2h" });
  const connection = await client(part);
  const limit = async () => (await (await jetstreamManager(connection)).streams.info("OBJ_images")).config;
  for (let count = 0; count < 30; count += 1)
    await store.put(`c/${count}`, randomBytes(200_000), "image/png", never);
  const { max_bytes: made, max_age: age } = await limit();
  expect(made).toBeLessThan(100_000_000);
  expect(age).toBe(7_200e9);
  await storeWith({ maxBytes: "4MB" }).put("c/last", randomBytes(10), "image/png", never);
  expect(await limit()).toMatchObject({ max_bytes: 4_000_000 });
  const read = await readAll(connection);
  expect(read.has("c/29")).toBe(true);
  expect(read.size).toBeLessThan(22);
});

test("while NATS is away an image is refused at once, and an abort is heard", async () => {
  const link = testLink();
  const away = new NatsImageStore({ config: configOf({}), link, clock: systemClock });
  await expect(away.put("c/1", Buffer.from("x"), "image/png", never)).rejects.toMatchObject({
    code: "UPLINK_UNAVAILABLE",
  });
  const silent = new NatsImageStore({
    config: configOf({}),
    link: { request: () => new Promise(() => undefined) },
    clock: systemClock,
  });
  const stop = new AbortController();
  const waiting = silent.put("c/1", Buffer.alloc(20_000_000), "image/png", stop.signal);
  await expect(silent.put("c/2", Buffer.alloc(20_000_000), "image/png", never)).rejects.toMatchObject({
    code: "STORE_FULL",
  });
  stop.abort();
  await expect(waiting).rejects.toMatchObject({ name: "AbortError" });
});

test("a user who may read images reads them and changes none; one who may not sees none", async () => {
  const passwordHash = await hash("let me in", 4);
  const user = (read: string[]) => ({ passwordHash, read, publish: [], write: [] });
  const users = natsUsers(
    { viewer: user(["images/#"]), panel: user(["data/#"]) },
    { gateway: "line1-gw", site: "a/b", imageBucket: "images" },
  );
  const { part, store } = await running({}, { users });
  const image = randomBytes(200_000);
  await store.put("c/1", image, "image/png", never);
  const pass = "let me in";
  const viewer = await client(part, { user: "viewer", pass });
  expect((await readAll(viewer)).get("c/1")).toEqual(image);
  const js = jetstream(viewer, { timeout: 500 });
  await expect(js.publish("$O.images.C.x", "x")).rejects.toThrow(/permission|timeout/i);
  await expect((await new Objm(js).open("images")).delete("c/1")).rejects.toThrow(/permission|timeout/i);
  const panel = await client(part, { user: "panel", pass });
  await expect(new Objm(jetstream(panel, { timeout: 500 })).open("images")).rejects.toThrow(
    /permission|timeout/i,
  );
});

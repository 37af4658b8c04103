import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Gate } from "../../simulators/camera/gate.ts";
import { cameraOf, inspection, inspectionTags } from "./mapping-fixture.ts";
import { camera, keptImages, refusal, running, untilValue } from "./testing.ts";

const event = { name: "inspected", fields: { part: "/part", verdict: "/result/ok" }, key: "/part" };
const image = { image: true, url: "/image" } as const;
const at = Date.UTC(2026, 10, 22, 12);
const files = {
  secret: async (reference: string) => (reference === "env:PASSWORD" ? "let me in" : "wrong"),
  text: async () => "",
};

test("results become tags, with the camera's own time", async () => {
  const { url } = await camera();
  const { context } = await running(cameraOf(inspectionTags, { transport: "http-poll", url }));
  await untilValue(context, "inspection/part", "P-1");
  expect(context.latest.get("inspection/ok")).toMatchObject({ value: true, quality: "good" });
  expect(context.latest.get("inspection/score")).toMatchObject({ value: 0.97, sourceTimestamp: at });
});

test("an unchanged result costs no body, and its tags stay alive", async () => {
  const { simulator, shown, url } = await camera();
  const { context } = await running(cameraOf(inspectionTags, { transport: "http-poll", url }));
  await expect.poll(() => simulator.unchanged).toBeGreaterThan(2);
  context.clear();
  await expect.poll(() => context.goodTags()).toHaveLength(3);
  shown.result = inspection("P-2");
  await untilValue(context, "inspection/part", "P-2");
});

test("one URL that has nothing costs the tags of the other nothing, and is told once in plain words", async () => {
  const { url } = await camera();
  const tags = { ...inspectionTags, other: { url: "/elsewhere", pointer: "/x" } };
  const { context } = await running(cameraOf(tags, { transport: "http-poll", url }));
  await expect.poll(() => context.faults.get("http404")).toBeGreaterThan(5);
  expect(context.latest.get("other")).toMatchObject({ quality: "bad", status: "Http404" });
  expect(context.goodTags()).toHaveLength(3);
  expect(context.logged.filter(({ level }) => level === "warn")).toMatchObject([
    { message: expect.stringContaining("has nothing at /elsewhere (404)") as string },
  ]);
});

test.each(["reset", "half-body", "not-http"] as const)(
  "a connection that breaks (%s) at one URL costs the tags of the other nothing",
  async (fault) => {
    const other = { other: { url: "/other", pointer: "/x" } };
    const { simulator, url } = await camera({
      result: (path) => (path === "/other" ? { x: 5 } : inspection("P-1")),
    });
    const device = cameraOf({ ...inspectionTags, ...other }, { transport: "http-poll", url });
    const { context, ended } = await running(device);
    await expect.poll(() => context.goodTags()).toHaveLength(4);
    simulator.suffer(fault, "/other");
    await expect.poll(() => context.faults.get("connection")).toBeGreaterThan(5);
    context.clear();
    await expect.poll(() => context.goodTags()).toHaveLength(3);
    expect(context.logged.filter(({ level }) => level === "warn")).toHaveLength(1);
    await simulator.stop();
    await expect(ended).rejects.toMatchObject({ code: "DEVICE_UNREACHABLE" });
  },
);

test("each new result is one event with its image; what was there before the gateway came is none", async () => {
  const { shown, url } = await camera();
  const { kept, images } = keptImages();
  const device = cameraOf(
    { ...inspectionTags, image },
    { transport: "http-poll", url },
    { event: { ...event, image: true, timestamp: { pointer: "/at", unit: "ms" } } },
  );
  const { context } = await running(device, { images });
  await untilValue(context, "inspection/part", "P-1");
  for (const part of ["P-2", "P-3"]) {
    shown.result = inspection(part, 0.5);
    await expect.poll(() => context.events.at(-1)?.data["part"]).toBe(part);
  }
  // Only the score differs: the same part still.
  shown.result = inspection("P-3", 0.6);
  await untilValue(context, "inspection/score", 0.6);
  expect(context.events).toHaveLength(2);
  const [key, stored] = [...kept].at(-1) ?? [];
  expect(stored?.bytes.toString("latin1")).toContain("P-3");
  expect(context.events[1]).toEqual({
    name: "inspected",
    timestamp: at,
    data: {
      part: "P-3",
      verdict: false,
      image: expect.objectContaining({ bucket: "images", key, contentType: "image/png" }) as object,
    },
  });
  expect(context.latest.get("image")).toMatchObject({
    quality: "good",
    value: { key, bytes: stored?.bytes.length },
  });
});

test("a trigger that rises takes a snapshot and the result that belongs to it", async () => {
  const { shown, url } = await camera();
  const { kept, images } = keptImages();
  const snapshot = { url: "/image", trigger: "press-1/cycle/done", delay: "5ms" };
  const device = cameraOf(
    { ...inspectionTags, image: { image: true } },
    { transport: "http-poll", url },
    { snapshot, event: { ...event, image: true } },
  );
  const { context } = await running(device, { images });
  const say = (value: boolean, quality: "good" | "bad" = "good") =>
    context.reading("press-1/cycle/done", { value, quality, timestamp: 1_234 });
  await expect.poll(() => say(true)).toBe(1);
  shown.result = inspection("P-7");
  for (const value of [false, false, true, true]) say(value);
  say(false, "bad");
  await expect.poll(() => context.events).toHaveLength(1);
  expect(context.events[0]).toMatchObject({
    timestamp: 1_234,
    data: {
      part: "P-7",
      trigger: { tag: "press-1/cycle/done", value: true, timestamp: 1_234 },
      image: { key: [...kept.keys()][0] },
    },
  });
  expect(context.latest.get("image")).toMatchObject({ sourceTimestamp: 1_234 });
  expect(kept.size).toBe(1);
});

test("triggers that come faster than snapshots wait in a queue of one; the others are counted", async () => {
  const { simulator, url } = await camera({ slowMs: 60 });
  const { kept, images } = keptImages();
  const snapshot = { url: "/image", trigger: "a/b", on: "change" };
  const device = cameraOf({ image: { image: true } }, { transport: "http-poll", url }, { snapshot });
  const { context } = await running(device, { images });
  simulator.suffer("slow");
  for (let value = 0; value < 6; value += 1)
    context.reading("a/b", { value, quality: "good", timestamp: value });
  await expect.poll(() => kept.size).toBe(2);
  expect(context.faults.get("overrun")).toBe(3);
});

test("while images can't be stored, results go on, and the image says why it is missing", async () => {
  const { shown, url } = await camera();
  const device = cameraOf(
    { ...inspectionTags, image },
    { transport: "http-poll", url },
    { event: { ...event, image: true } },
  );
  const { context } = await running(device);
  await untilValue(context, "inspection/part", "P-1");
  shown.result = inspection("P-2");
  await expect.poll(() => context.events).toHaveLength(1);
  expect(context.events[0]?.data).toMatchObject({ part: "P-2", image: null });
  expect(context.latest.get("image")).toMatchObject({
    value: null,
    quality: "bad",
    status: "ImageNotStored",
  });
  expect(context.goodTags()).toHaveLength(3);
});

test.each<[string, Gate, object]>([
  [
    "basic",
    { scheme: "basic", user: "u", password: "let me in" },
    { scheme: "basic", user: "u", password: "env:PASSWORD" },
  ],
  ["bearer", { scheme: "bearer", token: "let me in" }, { scheme: "bearer", token: "env:PASSWORD" }],
  ...(["MD5", "SHA-256"] as const).map((algorithm): [string, Gate, object] => [
    `digest ${algorithm}`,
    { scheme: "digest", user: "u", password: "let me in", algorithm, nonceUses: 3 },
    { scheme: "digest", user: "u", password: "env:PASSWORD" },
  ]),
])("asks with %s authentication, and says plainly when it is refused", async (_, gate, auth) => {
  const { url, simulator } = await camera({ gate });
  const { context } = await running(cameraOf(inspectionTags, { transport: "http-poll", url, auth }), {
    files,
  });
  await untilValue(context, "inspection/part", "P-1");
  // Past the life of a few nonces.
  await expect.poll(() => simulator.unchanged).toBeGreaterThan(8);
  expect(context.frames.some(({ frame }) => Buffer.from(frame).includes("let me in"))).toBe(false);
  const wrong = { ...auth, ...("token" in auth ? { token: "env:OTHER" } : { password: "env:OTHER" }) };
  expect(
    await refusal(cameraOf(inspectionTags, { transport: "http-poll", url, auth: wrong }), { files }),
  ).toMatchObject({
    code: "DEVICE_REJECTED",
    message: expect.stringMatching(/refuses the gateway \(401\).*password/) as string,
  });
});

test.each([
  ["status-404", "DEVICE_REJECTED", /nothing at \/results \(404\)/],
  ["status-500", "PROTOCOL_VIOLATION", /answers 500/],
  ["redirect", "DEVICE_REJECTED", /sends the gateway to http:\/\/elsewhere.invalid\/results \(302\)/],
  ["garbage", "PROTOCOL_VIOLATION", /no JSON; it begins "\{\\"result\\": "/],
  ["huge", "PROTOCOL_VIOLATION", /more than 1000000 bytes/],
  ["not-http", "PROTOCOL_VIOLATION", /does not answer as HTTP does/],
  ["silent", "DEVICE_TIMEOUT", /did not answer within 100 ms/],
  ["half-body", "DEVICE_UNREACHABLE", /The connection to 127.0.0.1:\d+ failed/],
] as const)("a camera that is wrong (%s) is told apart as %s", async (fault, code, message) => {
  const { simulator, url } = await camera();
  simulator.suffer(fault);
  const timeout = fault === "silent" ? "100ms" : "10s";
  const device = cameraOf(inspectionTags, { transport: "http-poll", url, timeout, maxBytes: "1MB" });
  expect(await refusal(device)).toMatchObject({ code, message: expect.stringMatching(message) as string });
});

test("nobody there is told as such", async () => {
  const { simulator, url } = await camera();
  await simulator.stop();
  expect(await refusal(cameraOf(inspectionTags, { transport: "http-poll", url }))).toMatchObject({
    code: "DEVICE_UNREACHABLE",
    context: { reason: "ECONNREFUSED" },
    message: expect.stringMatching(/Nobody listens at 127.0.0.1:\d+/) as string,
  });
});

test("a camera that stops giving results is lost, with the reason", async () => {
  const { simulator, url } = await camera();
  const { context, ended } = await running(cameraOf(inspectionTags, { transport: "http-poll", url }));
  await untilValue(context, "inspection/part", "P-1");
  simulator.suffer("status-500");
  await expect(ended).rejects.toMatchObject({
    code: "PROTOCOL_VIOLATION",
    message: expect.stringContaining("500") as string,
  });
  expect(context.latest.get("inspection/part")).toMatchObject({ quality: "bad", status: "Http500" });
});

test("a written value is posted, and one that the camera refuses is told", async () => {
  const written: unknown[] = [];
  const { url } = await camera({ onWrite: (...what) => void written.push(what) });
  const write = { url: "/api/exposure", pointer: "/exposure/ms" };
  const { adapter } = await running(
    cameraOf({ exposure: { pointer: "/result/score", write } }, { transport: "http-poll", url }),
  );
  await adapter.write?.([{ tag: "exposure", value: 12.5 }], AbortSignal.timeout(2_000));
  expect(written).toEqual([["/api/exposure", { exposure: { ms: 12.5 } }]]);
  const other = await camera();
  const reader = await running(cameraOf({ exposure: { write } }, { transport: "http-poll", url: other.url }));
  await expect(
    reader.adapter.write?.([{ tag: "exposure", value: 1 }], AbortSignal.timeout(2_000)),
  ).rejects.toMatchObject({
    code: "DEVICE_REJECTED",
    message: expect.stringContaining("405") as string,
  });
});

test("https is trusted by its authority, or by name not at all", async (ctx) => {
  const folder = mkdtempSync(join(tmpdir(), "linegate-camera-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  try {
    const subject = ["-subj", "/CN=camera", "-addext", "subjectAltName=IP:127.0.0.1"];
    execFileSync(
      "/usr/bin/openssl",
      ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert, ...subject],
      { stdio: "ignore" },
    );
  } catch {
    return ctx.skip("there is no openssl on this machine");
  }
  const pem = { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
  const { url } = await camera({ tls: pem });
  const over = (tls: object) => cameraOf(inspectionTags, { transport: "http-poll", url, tls });
  expect(await refusal(over({}))).toMatchObject({
    code: "DEVICE_REJECTED",
    message: expect.stringContaining("tls.ca") as string,
  });
  const trusting = { files: { ...files, text: async () => pem.cert } };
  expect(await refusal(over({ ca: "ca.pem" }), trusting)).toBeUndefined();
  expect(await refusal(over({ insecure: true }))).toBeUndefined();
  const plain = cameraOf(inspectionTags, {
    transport: "http-poll",
    url: (await camera()).url.replace("http:", "https:"),
  });
  expect(await refusal(plain)).toMatchObject({
    message: expect.stringContaining("does not speak TLS") as string,
  });
});

test("of an image the trace gives the beginning, and the rest apart; results stand in full", async () => {
  const { shown, url } = await camera({
    image: (path) => (path === "/image" ? Buffer.alloc(5_000, 0x89) : undefined),
  });
  const { images } = keptImages();
  const device = cameraOf({ ...inspectionTags, image }, { transport: "http-poll", url }, { event });
  const { context } = await running(device, { images });
  await untilValue(context, "inspection/part", "P-1");
  shown.result = inspection("P-2");
  await expect.poll(() => context.frames.some(({ channel }) => channel.endsWith("/image"))).toBe(true);
  await expect.poll(() => context.events).toHaveLength(1);
  const received = context.frames.filter(({ direction }) => direction === "received");
  const texts = received.map(({ frame }) => Buffer.from(frame).toString("latin1"));
  expect(received.some(({ more }) => more.length === 4_936)).toBe(true);
  expect(texts.some((text) => text.includes(JSON.stringify(shown.result)))).toBe(true);
});

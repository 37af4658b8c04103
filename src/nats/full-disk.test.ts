import { rm } from "node:fs/promises";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { connect } from "@nats-io/transport-node";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { expect, onTestFinished, test, vi, type TestContext } from "vitest";
import { never, noServerHere, scratchFolder, testPart } from "./testing.ts";

const run = promisify(execFile);

/** A part on a small disk that the rest of the machine has filled, and a stream that nothing more goes into. */
async function onFullDisk(ctx: TestContext) {
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
  const disk = await scratchFolder();
  try {
    await run("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", disk]);
  } catch {
    ctx.skip("no right to mount a small disk here");
  }
  onTestFinished(async () => void (await run("umount", ["-l", disk])));
  const part = await testPart(
    { embedded: { listen: "127.0.0.1:0", store: disk, maxBytes: "1GB" }, latestBytes: "1MB" },
    { probe: { everyMs: 100, timeoutMs: 500, misses: 3 } },
  );
  onTestFinished(() => part.stop());
  await part.start(never);
  const peer = await connect({
    servers: `127.0.0.1:${part.server?.port}`,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 50,
  });
  onTestFinished(() => peer.close());
  await (await jetstreamManager(peer)).streams.add({ name: "BIG", subjects: ["big"], max_bytes: -1 });
  // JetStream's own limit knows nothing of that.
  const other = `${disk}/other`;
  await run("sh", ["-c", `head -c 7M /dev/zero > ${other} || true`]);
  await fillUp(peer);
  return { part, peer, other };
}

test("a full disk that locks nats-server up (2.9.10) or not (newer): live readings flow on", async (ctx) => {
  const { part } = await onFullDisk(ctx);
  const { version } = part.server ?? {};
  // Newer ones say that the stream stores no more, and are not started anew before there is room.
  const expected = version === "2.9.10" ? { restarts: 1, ok: true } : { restarts: 0, ok: false };
  const stands = () => ({ restarts: part.server?.restarts, ok: part.health().ok });
  await expect.poll(stands).toEqual(expected);
  const heard = new Promise((resolve) => part.link.subscribe("data.x", resolve));
  expect(part.link.publish("data.x", Buffer.from("1"))).toBe(true);
  await heard;
});

test("once the disk has room again streams store again, though nats-server (2.15) would not until its next start", async (ctx) => {
  const { part, peer, other } = await onFullDisk(ctx);
  await rm(other);
  const client = jetstream(peer, { timeout: 500 });
  const stores = () =>
    client.publish("big", "x").then(
      () => true,
      () => false,
    );
  await expect.poll(stores).toBe(true);
  await vi.waitFor(() => expect(part.health()).toEqual({ ok: true }));
});

/** Publishes until nothing is stored any more. */
async function fillUp(peer: Awaited<ReturnType<typeof connect>>): Promise<void> {
  const big = new Uint8Array(100_000);
  const client = jetstream(peer, { timeout: 1_000 });
  for (let stored = true; stored;) {
    // One after the other: the first that is not stored ends it.
    stored = await client.publish("big", big).then(
      () => true,
      () => false,
    );
  }
}

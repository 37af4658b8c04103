import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { connect } from "@nats-io/transport-node";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { expect, onTestFinished, test, vi } from "vitest";
import { never, noServerHere, scratchFolder, testPart } from "./testing.ts";

const run = promisify(execFile);

test("a full disk that locks nats-server up (2.9.10) or not (newer): live readings flow on", async (ctx) => {
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
  const { version } = part.server ?? {};
  const peer = await connect({ servers: `127.0.0.1:${part.server?.port}`, reconnect: false });
  onTestFinished(() => peer.close());
  await (await jetstreamManager(peer)).streams.add({ name: "BIG", subjects: ["big"], max_bytes: -1 });
  // The rest of the machine fills the disk: JetStream's own limit knows nothing of that.
  await run("sh", ["-c", `head -c 7M /dev/zero > ${disk}/other || true`]);
  await fillUp(peer);
  const expectedRestarts = version === "2.9.10" ? 1 : 0;
  await vi.waitFor(() => expect(part.server?.restarts).toBe(expectedRestarts), 10_000);
  await vi.waitFor(() => expect(part.health()).toEqual({ ok: true }), 10_000);
  const heard = new Promise((resolve) => part.link.subscribe("data.x", resolve));
  expect(part.link.publish("data.x", Buffer.from("1"))).toBe(true);
  await heard;
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

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { JetStreamApi } from "../../src/nats/jetstream-api.ts";
import { never, noServerHere, scratchFolder, testLink, testServer } from "../../src/nats/testing.ts";
import { seededRandom } from "../../simulators/line/random.ts";
import { isRunning, signalTo } from "../../src/nats/processes-testing.ts";

const script = join(import.meta.dirname, "..", "fixture", "outbox-process.ts");
const lives = 4;

beforeEach(async (ctx) => {
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
});

/** What the process says, until it is killed after so many lines, or has said `empty`. */
async function live(args: readonly string[], lines: number): Promise<readonly string[]> {
  const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  onTestFinished(() => void child.kill("SIGKILL"));
  const said: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    if (line !== "empty") said.push(line);
    if (said.length === lines) child.kill("SIGKILL");
  }
  await ended;
  return said;
}

test.each([
  { seed: 1, syncs: "syncs" },
  { seed: 2, syncs: "keeps" },
])(
  "gateway and nats-server killed at any moment (seed $seed, $syncs): what was committed is in the stream once, in order",
  async ({ seed, syncs }) => {
    const random = seededRandom(seed);
    const server = await testServer();
    await server.start(never);
    const url = `nats://127.0.0.1:${server.port}`;
    const dir = await scratchFolder();
    const committed: string[] = [];
    const kills: NodeJS.Timeout[] = [];
    onTestFinished(() => kills.forEach(clearTimeout));
    for (let life = 0; life < lives; life += 1) {
      const lines = 1 + Math.floor(random() * 300);
      if (random() < 0.5) {
        const timer = setTimeout(
          () => {
            // It may be down at this moment, from the one before.
            if (isRunning(server.pid)) signalTo(server.pid, "SIGKILL");
          },
          300 + random() * 700,
        );
        kills.push(timer);
      }
      committed.push(...(await live([dir, url, String(life), "100000", syncs], lines)));
    }
    await live([dir, url, "end", "0", syncs], Infinity);
    // One may be due after the last life: what is in the stream is read of a server that is let live.
    kills.forEach(clearTimeout);
    const link = testLink();
    link.start(() => ({ url }));
    await expect.poll(() => link.state).toBe("connected");
    const api = new JetStreamApi((subject, payload) => link.request(subject, payload, 2_000));
    const stored = async (stream: string) => {
      const { last_seq } = (await api.streamInfo(stream))?.state ?? { last_seq: 0 };
      const all = Array.from({ length: last_seq }, (_, index) => api.message(stream, index + 1));
      return (await Promise.all(all)).map((message) => Buffer.from(message?.data ?? "", "base64").toString());
    };
    const place = (text: string) => text.split("-").map(Number) as [number, number];
    const inOrder = (texts: readonly string[]) =>
      texts.toSorted((one, other) => place(one)[0] - place(other)[0] || place(one)[1] - place(other)[1]);
    const events = await stored("EVENTS");
    expect(new Set(events).size).toBe(events.length);
    expect(events).toEqual(inOrder(events));
    expect(committed.filter((text) => !events.includes(text))).toEqual([]);
    const batches = await stored("BATCHES");
    expect(new Set(batches).size).toBe(batches.length);
    expect(batches).toEqual(inOrder(batches));
    expect(committed.filter((text) => place(text)[1] % 4 === 0 && !batches.includes(text))).toEqual([]);
  },
);

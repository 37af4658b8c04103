import { duplexPair, type Duplex } from "node:stream";
import { expect, test } from "vitest";
import { GatewayError, type Clock } from "../../src/adapter-kit/index.ts";
import { LinePort } from "./line-port.ts";
import { rtuFraming, withCrc } from "./rtu-framing.ts";

const request = Buffer.from([1, 3, 0, 0, 0, 1]);
const answer = withCrc(Buffer.from([1, 3, 2, 0, 77]));
const silenceMs = 2;

/** A port on a line that the test is the other side of, at a time that the test sets. */
function line() {
  const time = { now: 1_000 };
  const clock: Clock = { now: () => time.now, monotonic: () => time.now, sleep: async () => undefined };
  const [near, far]: Duplex[] = duplexPair();
  if (near === undefined || far === undefined) throw new TypeError("a pair is two");
  const heard: string[] = [];
  const port = new LinePort({
    line: {
      stream: near,
      transmit: (bytes) => void near.write(bytes),
      close: async () => void near.destroy(),
      lost: (how) => new GatewayError("DEVICE_UNREACHABLE", how),
    },
    framing: rtuFraming,
    timing: { characterMs: 1, silenceMs },
    clock,
    handlers: {
      onStray: (kind, unit) => heard.push(`${kind} ${unit}`),
      onViolation: (what) => heard.push(what),
      onGarbled: (what) => heard.push(`garbled: ${what}`),
      onEcho: () => heard.push("echo"),
      onFrame: () => undefined,
    },
  });
  port.open(() => undefined);
  const ask = () => port.ask(request, (adu) => heard.push(adu.toString("hex")));
  return { port, far, heard, time, ask };
}

test("after an answer the line rests for the silence, after none until it is drained", async () => {
  const { port, far, heard, time, ask } = line();
  ask();
  // The eight characters of the request are still on their way out.
  expect(port.restsUntil).toBe(1_008 + silenceMs);
  time.now = 1_050;
  far.write(answer);
  await expect.poll(() => heard).toEqual(["010302004d"]);
  expect(port.restsUntil).toBe(1_050 + silenceMs);
  ask();
  time.now = 2_000;
  expect(port.abandon()).toBeUndefined();
  expect(port.restsUntil).toBeLessThanOrEqual(2_000);
  far.write(answer);
  await expect.poll(() => heard.at(-1)).toBe("late 1");
  expect(port.restsUntil).toBe(2_020);
});

test("a line that is never silent is waited for half a second, not without end", async () => {
  const { port, far, time, ask, heard } = line();
  ask();
  port.abandon();
  time.now = 1_490;
  far.write(Buffer.from([0xff]));
  far.write(answer);
  await expect.poll(() => port.restsUntil).toBe(1_500);
  expect(heard).toEqual([]);
});

test("a unit is in doubt after a silence, for that function code, until it answers something else", async () => {
  const { port, far, heard, ask } = line();
  ask();
  port.abandon();
  expect([port.isInDoubt(1, 3), port.isInDoubt(1, 4), port.isInDoubt(2, 3)]).toEqual([true, false, false]);
  port.ask(Buffer.from([1, 8, 0, 0, 0, 7]), () => heard.push("settled"));
  far.write(answer);
  await expect.poll(() => heard).toEqual(["late 1"]);
  far.write(withCrc(Buffer.from([1, 8, 0, 0, 0, 7])));
  await expect.poll(() => heard).toEqual(["late 1", "settled"]);
  expect(port.isInDoubt(1, 3)).toBe(false);
});

test("an answer of another unit is none, and the wait goes on", async () => {
  const { far, heard, ask } = line();
  ask();
  far.write(withCrc(Buffer.from([2, 3, 2, 0, 1])));
  far.write(answer);
  await expect.poll(() => heard).toEqual(["wrong-id 2", "010302004d"]);
});

test.each([
  [4, [0]],
  [4, [0, 0]],
  [6, [0xff]],
  [16, [0]],
  [5, [1, 6]],
])(
  "noise before an answer with function %d makes no length of what follows it",
  async (functionCode, noise) => {
    const { port, far, heard } = line();
    const adu = Buffer.from([1, functionCode, 0, 0, 0, 1]);
    const given = functionCode === 4 ? Buffer.from([1, 4, 2, 0, 77]) : adu;
    port.ask(adu, (answered) => heard.push(answered.toString("hex")));
    far.write(Buffer.from(noise));
    for (const byte of withCrc(given)) far.write(Buffer.from([byte]));
    await expect.poll(() => heard).toEqual([given.toString("hex")]);
  },
);

test("an answer to something else leaves the unit in doubt", async () => {
  const { port, far, heard, ask } = line();
  ask();
  far.write(withCrc(Buffer.from([1, 3, 4, 0, 1, 0, 2])));
  await expect.poll(() => heard).toEqual(["garbled: byte count 4 where 2 were asked for"]);
  expect(port.isInDoubt(1, 3)).toBe(true);
});

import { expect, onTestFinished, test } from "vitest";
import { networkWire } from "../../simulators/modbus/wires.ts";
import type { SimulatorOptions } from "../../simulators/modbus/server.ts";
import { withCrc } from "./rtu-framing.ts";
import { connected, deviceAt, every, polling, tagsOf } from "./testing.ts";

const poll = every(15);

/** A line behind a serial server's TCP port: the framing is that of a serial port. */
async function line(addresses: Readonly<Record<string, string>>, options: SimulatorOptions = {}) {
  const wire = await networkWire({ framing: "rtu", ...options });
  onTestFinished(() => wire.stop());
  const { simulator } = wire;
  const connection = { ...wire.connection, timeout: "250ms" };
  return { simulator, device: deviceAt(simulator, tagsOf(addresses, poll), { connection }) };
}

test("a late answer is never taken for the answer to the next request, of the same form though it be", async () => {
  const { simulator, device } = await line({ low: "holding:0", high: "holding:500" });
  const { holding } = simulator.unit();
  holding.set(0, 100);
  holding.set(500, 500);
  const { context } = await polling(device);
  await expect.poll(() => context.goodTags().length).toBe(2);
  const reads = () => simulator.requests.filter(({ functionCode }) => functionCode === 3).length;
  simulator.inject(
    { kind: "late" },
    { times: 4, when: ({ functionCode }) => functionCode === 3 && reads() % 3 === 0 },
  );
  await expect.poll(() => context.faults.get("late")).toBe(4);
  const settled = reads();
  await expect.poll(reads).toBeGreaterThan(settled + 4);
  const seen = (tag: string) => context.batches.flat().filter((sample) => sample.tag === tag);
  const values = (tag: string) =>
    new Set(seen(tag).flatMap(({ value, quality }) => (quality === "good" ? [value] : [])));
  expect([values("low"), values("high")]).toEqual([new Set([100]), new Set([500])]);
  // What settled it is a loopback, refused here by exception 1.
  expect(simulator.requests.some(({ functionCode }) => functionCode === 8)).toBe(true);
});

test("a unit that ignores the loopback costs one value more, and is polled on", async () => {
  const { simulator, device } = await line({ speed: "holding:0" });
  simulator.inject({ kind: "dead" }, { functionCode: 8 });
  const { context, ended } = await polling(device);
  await expect.poll(() => context.batches.length).toBeGreaterThan(2);
  simulator.inject({ kind: "drop" }, { times: 1, functionCode: 3 });
  await expect.poll(() => context.faults.get("timeout")).toBe(2);
  context.clear();
  await expect.poll(() => context.goodTags()).toEqual(["speed"]);
  expect(await Promise.race([ended, Promise.resolve("polling")])).toBe("polling");
});

test.each([
  ["a wrong CRC", { kind: "bad-crc" }],
  ["another function code", { kind: "wrong-function" }],
  ["a wrong byte count", { kind: "wrong-byte-count" }],
  ["less data than was asked for", { kind: "short" }],
  ["an answer that breaks off", { kind: "truncated" }],
  ["junk", { kind: "junk" }],
] as const)("%s brings no value and costs one poll, not the connection", async (_name, fault) => {
  const { simulator, device } = await line({ speed: "holding:0 int16" });
  const { holding } = simulator.unit();
  holding.set(0, 7);
  const { context } = await polling(device);
  await expect.poll(() => context.latest.get("speed")?.value).toBe(7);
  holding.set(0, 8);
  simulator.inject(fault, { times: 1, functionCode: 3 });
  await expect.poll(() => context.faults.get("framing")).toBe(1);
  await expect.poll(() => context.latest.get("speed")?.value).toBe(8);
  expect(new Set(context.batches.flat().map(({ value }) => value))).toEqual(new Set([7, 8]));
  expect(simulator.acceptedCount).toBe(1);
});

test("a unit that can't be understood is given up in words about the line", async () => {
  const { simulator, device } = await line({ speed: "holding:0" });
  simulator.inject({ kind: "bad-crc" });
  const { ended } = await polling(device);
  expect(await ended).toMatchObject({
    code: "PROTOCOL_VIOLATION",
    message: expect.stringContaining("unit 1 can't be understood: a wrong CRC. Check baud, parity") as string,
  });
});

test("a few bytes of noise before an answer are passed over", async () => {
  const { simulator, device } = await line({ speed: "holding:0" });
  simulator.unit().holding.set(0, 77);
  const answer = withCrc(Buffer.from([1, 3, 2, 0, 77]));
  const noisy = Buffer.concat([Buffer.from([0x00, 0xff]), answer]);
  simulator.inject({ kind: "junk", bytes: noisy });
  const { context } = await polling(device);
  await expect.poll(() => context.latest.get("speed")?.value).toBe(77);
});

test("a line that echoes is read and written, and said to echo once", async () => {
  const { simulator, device } = await line({ speed: "holding:0", running: "coil:1" });
  simulator.inject({ kind: "echo" });
  simulator.unit().holding.set(0, 5);
  const { adapter, context } = await polling(device);
  await expect.poll(() => context.latest.get("speed")?.value).toBe(5);
  await adapter.write?.([{ tag: "speed", value: 6 }], AbortSignal.timeout(5_000));
  expect(simulator.unit().holding.get(0)).toBe(6);
  await expect.poll(() => context.latest.get("speed")?.value).toBe(6);
  const warnings = context.logged.filter(({ message }) => message.includes("local echo"));
  expect(warnings).toHaveLength(1);
});

test("a write's echo is not taken for its answer", async () => {
  const { simulator, device } = await line({ speed: "holding:0" });
  simulator.inject({ kind: "echo" }, { functionCode: 3 });
  const { adapter, context } = await polling(device);
  await expect.poll(() => context.logged.length).toBe(1);
  simulator.inject({ kind: "junk", bytes: withCrc(Buffer.from("010600000009", "hex")) }, { functionCode: 6 });
  const written = adapter.write?.([{ tag: "speed", value: 9 }], AbortSignal.timeout(5_000));
  await expect(written).rejects.toMatchObject({ code: "DEVICE_TIMEOUT" });
});

test("an answer that trickles in is put together", async () => {
  const { simulator, device } = await line({ speed: "holding:0" });
  simulator.unit().holding.set(0, 0x0102);
  // Longer in all than the timeout of 80 ms.
  simulator.inject({ kind: "slow", characterMs: 15 });
  const { context } = await polling(device);
  await expect.poll(() => context.latest.get("speed")?.value).toBe(0x0102);
});

test("every frame is kept as it stood on the wire, under its unit", async () => {
  const { simulator, device } = await line({ speed: "holding:0" });
  simulator.unit().holding.set(0, 77);
  const { adapter, context } = await connected(device);
  await adapter.read?.(["speed"], AbortSignal.timeout(5_000));
  const shown = context.frames.map(({ direction, channel, frame }) => [
    direction,
    channel,
    Buffer.from(frame).toString("hex"),
  ]);
  expect(shown).toEqual([
    ["sent", "unit 1", "010300000001840a"],
    ["received", "unit 1", "010302004d7871"],
  ]);
});

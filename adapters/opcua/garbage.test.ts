import { createServer, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { GatewayError } from "../../src/adapter-kit/index.ts";
import { RecordingContext } from "../../src/adapter-kit/testing.ts";
import { opcuaAdapter } from "./adapter.ts";
import { connected, deviceAt, press, simulated } from "./testing.ts";

async function peer(onSocket: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => undefined));
    onSocket(socket);
  }).listen(0, "127.0.0.1");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  return `opc.tcp://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
}

const acknowledge = Buffer.from("41434b461c0000000000000000000100000001000000000000000000", "hex");

test.each<[string, Buffer]>([
  ["text", Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")],
  ["an acknowledge cut short, with a length that fits", Buffer.from("41434b460c00000000000000", "hex")],
  ["a message far too large", Buffer.from("4d534746ffffff7f00000000", "hex")],
  [
    "an answer to a question that nobody asked",
    Buffer.concat([
      acknowledge,
      Buffer.from("4d5347461c00000001000000010000000100000099000000010015ff", "hex"),
    ]),
  ],
])("a peer that sends %s is an error, never a crash", async (_name, bytes) => {
  const endpoint = await peer((socket) => socket.once("data", () => socket.write(bytes)));
  const failed = connected(
    deviceAt(endpoint, { a: { node: press("Pressure") } }, { connection: { timeout: "500ms" } }),
  );
  await expect(failed).rejects.toBeInstanceOf(GatewayError);
});

test("a peer that says nothing is a timeout, and an abort does not wait for it", async () => {
  const endpoint = await peer(() => undefined);
  const device = deviceAt(endpoint, { a: { node: press("Pressure") } }, { connection: { timeout: "300ms" } });
  await expect(connected(device)).rejects.toMatchObject({ code: "DEVICE_TIMEOUT" });
  const patient = deviceAt(endpoint, { a: { node: press("Pressure") } }, { connection: { timeout: "1m" } });
  const adapter = opcuaAdapter.create(patient, new RecordingContext());
  const stop = new AbortController();
  const connecting = adapter.connect(stop.signal);
  stop.abort();
  await expect(connecting).rejects.toMatchObject({ name: "AbortError" });
});

test.each<[string, (socket: Socket) => void]>([
  ["resets it at once", (socket) => socket.resetAndDestroy()],
  ["resets it at the first bytes", (socket) => socket.once("data", () => socket.resetAndDestroy())],
  ["closes it at the first bytes", (socket) => socket.once("data", () => socket.end())],
])("a peer that takes a connection and %s is told in an operator's words", async (_what, onSocket) => {
  const endpoint = await peer(onSocket);
  await expect(connected(deviceAt(endpoint, { a: { node: press("Pressure") } }))).rejects.toMatchObject({
    code: "DEVICE_UNREACHABLE",
    message: expect.stringMatching(/took the connection and broke it off at once\. Check/) as string,
  });
});

test("keeps what came and went as readable messages, without secrets", async () => {
  const simulator = await simulated();
  const tags = { setpoint: { node: press("Setpoint"), type: "uint16", write: {} } } as const;
  const { adapter, context } = await connected(deviceAt(simulator.endpoint, tags));
  const signal = AbortSignal.timeout(5_000);
  await adapter.write?.([{ tag: "setpoint", value: 7 }], signal);
  await adapter.read?.(["setpoint"], signal);
  const seen = context.frames.map(({ direction, channel, frame }) => [
    direction,
    channel,
    JSON.parse(Buffer.from(frame).toString()) as unknown,
  ]);
  expect(seen).toMatchObject([
    ["sent", "Write", [{ node: press("Setpoint"), value: 7 }]],
    ["received", "Read", [{ value: 7 }]],
  ]);
});

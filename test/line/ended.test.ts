import { expect, onTestFinished, test, vi } from "vitest";
import { ModbusSimulator } from "../../simulators/modbus/server.ts";
import { isRunning } from "../../src/nats/processes-testing.ts";
import { spawnGateway } from "../fixture/gateway-process.ts";
import { natsClient } from "../fixture/nats-client.ts";
import { pressFile, SiteFolder } from "../fixture/site-folder.ts";

async function pressFolder(): Promise<SiteFolder> {
  const plc = await ModbusSimulator.start();
  onTestFinished(() => plc.refuse());
  return new SiteFolder({ "devices/press-1.yaml": pressFile("press-1", plc.port) });
}

async function firstReading(url: string): Promise<unknown> {
  const nats = await natsClient(url);
  const received = Promise.withResolvers<unknown>();
  nats.subscribe("data.>", { max: 1, callback: (_, message) => received.resolve(message.json()) });
  return received.promise;
}

test("a gateway that is killed leaves no nats-server behind, and the next one runs on the same store", async () => {
  const folder = await pressFolder();
  const first = await spawnGateway(folder.dir);
  expect(isRunning(first.natsPid)).toBe(true);
  first.kill("SIGKILL");
  expect(await first.ended).toBeNull();
  await vi.waitFor(() => expect(isRunning(first.natsPid)).toBe(false));
  const second = await spawnGateway(folder.dir);
  expect(await firstReading(second.addresses.nats)).toMatchObject({
    quality: "good",
    sequence: expect.any(Number),
  });
});

test.each(["SIGTERM", "SIGINT"] as const)(
  "%s ends the gateway and its nats-server cleanly, with nothing to complain about",
  async (signal) => {
    const folder = await pressFolder();
    const gateway = await spawnGateway(folder.dir);
    await firstReading(gateway.addresses.nats);
    gateway.kill(signal);
    expect(await gateway.ended).toBe(0);
    expect(isRunning(gateway.natsPid)).toBe(false);
    expect(gateway.log.filter(({ level }) => level === "warn" || level === "error")).toEqual([]);
  },
);

test("a folder with mistakes does not start", async () => {
  const folder = await pressFolder();
  folder.write("devices/press-1.yaml", "device: press-1\nadapter: modbuss\n");
  await expect(spawnGateway(folder.dir)).rejects.toThrow(/ended with 1.*modbuss/s);
});

import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { deviceOf, tagOf } from "../../adapters/modbus/mapping-fixture.ts";
import { polling } from "../../adapters/modbus/testing.ts";
import type { ModbusDevice } from "../../adapters/modbus/mapping.ts";
import { deviceOf as sparkplugDeviceOf } from "../../adapters/sparkplug/mapping-fixture.ts";
import type { DeviceMapping } from "../../src/adapter-kit/mapping.ts";
import { gatewaySchema } from "../../src/config/gateway-schema.ts";
import type { Site } from "../../src/config/site.ts";
import { findSocat } from "../modbus/pseudo-terminal.ts";
import { simulateSite } from "./simulate-site.ts";

const level = tagOf({ address: "holding:7", type: "float32" }, { name: "tank/level" });
const setpoint = tagOf(
  { address: "holding:9" },
  { name: "pump/setpoint", write: { min: 0, max: 100, options: {} } },
);

function siteOf(...devices: readonly DeviceMapping[]): Site {
  return {
    dir: "/nowhere",
    gateway: gatewaySchema.parse({ gateway: "gw", site: "a/b" }),
    devices,
    files: [],
  };
}

function tankAt(device: string, connection: object): ModbusDevice {
  return deviceOf([level, setpoint], { device, connection });
}

async function takenPort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

test("devices behind one host and port share one server, each its own unit", async () => {
  const site = siteOf(tankAt("one", { port: 5_020, unitId: 1 }), tankAt("two", { port: 5_020, unitId: 2 }));
  await using simulation = await simulateSite(site, { ports: "free" });
  expect(simulation.server("one")).toBe(simulation.server("two"));
  const [one, two] = simulation.devices;
  one?.set("pump/setpoint", 5);
  expect(two?.get("pump/setpoint")).not.toBe(5);
});

test("the site it gives leads to the simulated devices", async () => {
  const site = siteOf(tankAt("one", { host: "192.168.0.10", port: 502 }));
  await using simulation = await simulateSite(site, { host: "127.0.0.1", ports: "free" });
  expect(simulation.site.devices[0]?.connection).toMatchObject({
    host: "127.0.0.1",
    port: simulation.server("one").port,
    unitId: 1,
  });
});

test("a serial line is served at a path of its own, and the site it gives leads there", async (ctx) => {
  if (findSocat() === undefined) ctx.skip("socat is not installed");
  const port = "/dev/serial/by-id/usb-1";
  const line = (unitId: number) =>
    deviceOf([level, setpoint], { device: `u${unitId}`, connection: { transport: "rtu", port, unitId } });
  const simulation = await simulateSite(siteOf(line(1), line(2)), { ports: "free-if-taken" });
  onTestFinished(() => simulation.stop());
  const used = simulation.movedPorts[0]?.[1];
  expect(simulation.movedPorts).toEqual([[port, expect.any(String)]]);
  const [device] = simulation.site.devices;
  expect(device?.connection).toMatchObject({ transport: "rtu", port: used });
  const { context } = await polling(device as ModbusDevice);
  await expect.poll(() => context.goodTags().length).toBe(2);
  await expect(simulateSite(siteOf(line(1)))).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringContaining(port) as string,
  });
});

test("a device behind a serial server is served in RTU frames", async () => {
  const behind = tankAt("one", { transport: "rtu-over-tcp", port: 4_001 });
  await using simulation = await simulateSite(siteOf(behind), { ports: "free" });
  const { context } = await polling(simulation.site.devices[0] as ModbusDevice);
  await expect.poll(() => context.goodTags().length).toBe(2);
});

test("a host beyond loopback is refused unless it is said where to listen", async () => {
  const site = siteOf(tankAt("one", { host: "192.168.0.10" }));
  await expect(simulateSite(site, { ports: "free" })).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringContaining("--host"),
  });
});

test("a taken port is an error that says which, or a free one is used and told", async () => {
  const port = await takenPort();
  const site = siteOf(tankAt("one", { port }));
  await expect(simulateSite(site)).rejects.toMatchObject({
    message: expect.stringContaining(`127.0.0.1:${port}`),
  });
  await using simulation = await simulateSite(site, { ports: "free-if-taken" });
  expect(simulation.movedPorts).toEqual([[port, simulation.server("one").port]]);
});

test("values wander by themselves, and what is written sticks", async () => {
  await using simulation = await simulateSite(siteOf(tankAt("one", {})), { ports: "free", speed: 50 });
  const [device] = simulation.devices;
  simulation.server("one").unit(1).store("holding", 9, [33]);
  const before = device?.get("tank/level");
  await expect.poll(() => device?.get("tank/level")).not.toBe(before);
  expect(device?.get("pump/setpoint")).toBe(33);
});

test("after a stop nothing listens any more", async () => {
  const simulation = await simulateSite(siteOf(tankAt("one", {})), { ports: "free" });
  const { port } = simulation.server("one");
  await simulation.stop();
  await simulation.stop();
  await using again = await simulateSite(siteOf(tankAt("one", { port })));
  expect(again.server("one").port).toBe(port);
});

test("Sparkplug devices of one edge node share it, and what is written sticks", async () => {
  const tags = { flow: { metric: "Flow", type: "int32" as const, write: {} } };
  const one = { ...sparkplugDeviceOf(tags, { device: "one" }), device: "one" };
  const two = { ...sparkplugDeviceOf(tags, { device: "two" }), device: "two" };
  await using simulation = await simulateSite(siteOf(one, two));
  const node = simulation.edgeNode("one");
  expect(simulation.edgeNode("two")).toBe(node);
  node.set("one", "Flow", 7);
  const [first, second] = simulation.devices;
  expect([first?.get("flow"), first?.place]).toEqual([7, "Sparkplug plant/edge-1/one"]);
  expect(second?.get("flow")).not.toBe(7);
  second?.set("flow", 9.4);
  expect(node.get("two", "Flow")).toBe(9);
});

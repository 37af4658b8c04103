import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../src/adapter-kit/clock.ts";
import { loadSite } from "../../src/config/load-site.ts";
import type { Site } from "../../src/config/site.ts";
import { Gateway } from "../../src/gateway.ts";
import { ModbusSimulator } from "../../simulators/modbus/server.ts";
import { pressFile, SiteFolder } from "../fixture/site-folder.ts";

const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

async function unstarted() {
  const plc = await ModbusSimulator.start();
  onTestFinished(() => plc.refuse());
  const folder = new SiteFolder({ "devices/press-1.yaml": pressFile("press-1", plc.port) });
  const loaded = await loadSite(folder.dir);
  if (!loaded.ok) throw new Error("the test's own folder has mistakes");
  return { plc, site: loaded.site, gateway: gatewayOn(loaded.site) };
}

function gatewayOn(site: Site): Gateway {
  const gateway = new Gateway(site, {
    log: quiet,
    clock: systemClock,
    random: Math.random,
    searchPath: process.env["PATH"] ?? "",
  });
  onTestFinished(() => gateway.stop());
  return gateway;
}

test.each([0, 5, 50, 150])("a stop %d ms into the start leaves nothing running", async (ms) => {
  const { plc, gateway } = await unstarted();
  const started = gateway.start().catch(() => undefined);
  await systemClock.sleep(ms);
  await gateway.stop();
  await started;
  await expect.poll(() => plc.connectionCount).toBe(0);
  const requests = plc.requestCount;
  await systemClock.sleep(200);
  expect(plc.requestCount).toBe(requests);
  expect(gateway.natsServer?.pid).toBeUndefined();
});

test("an edit that comes during the start waits for it: a device is never run twice", async () => {
  const { plc, site, gateway } = await unstarted();
  const [mapping] = site.devices;
  if (mapping === undefined) throw new Error("no device");
  const started = gateway.start();
  const applied = gateway.apply({ ...site, devices: [{ ...mapping, tags: mapping.tags.slice(1) }] });
  await started;
  expect(await applied).toMatchObject({ restarted: ["press-1"] });
  await expect.poll(() => plc.connectionCount).toBe(1);
});

test("no edit is taken after the stop", async () => {
  const { plc, site, gateway } = await unstarted();
  await gateway.start();
  await gateway.stop();
  await expect(gateway.apply({ ...site, devices: [] })).rejects.toThrow("stopped");
  expect(plc.connectionCount).toBe(0);
});

test("a second gateway on the same folder is told that, though its ports are taken as well", async () => {
  const { site, gateway } = await unstarted();
  await gateway.start();
  const { mqtt } = gateway.addresses.broker;
  const taken = { ...site.gateway, http: { ...site.gateway.http, listen: gateway.addresses.http } };
  const broker = { ...taken.broker, listen: { ...taken.broker.listen, port: mqtt.port } };
  const second = gatewayOn({ ...site, gateway: { ...taken, broker } });
  await expect(second.start()).rejects.toThrow(/Another gateway .* is running on this folder/);
  expect(gateway.health().ok).toBe(true);
});

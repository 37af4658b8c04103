import { expect, onTestFinished, test } from "vitest";
import { ModbusSimulator } from "../../simulators/modbus/server.ts";
import { linegate, linesOf, startLinegate } from "../../src/cli/testing.ts";
import { readRecording } from "../../src/trace/frame-reader.ts";
import { mqttClient } from "../fixture/mqtt-client.ts";
import { runGateway } from "../fixture/running-gateway.ts";
import { pressFile, SiteFolder } from "../fixture/site-folder.ts";

const vehicle = `
device: agv-1
adapter: mqtt
connection: {}
tags:
  battery/charge: { address: agv/1/state, pointer: /battery/charge, unit: "%" }
`;

/** A gateway with a vehicle that says something every 50 ms. */
async function withVehicle() {
  const press = await ModbusSimulator.start();
  onTestFinished(() => press.refuse());
  const folder = new SiteFolder({
    "devices/press-1.yaml": pressFile("press-1", press.port),
    "devices/agv-1.yaml": vehicle,
  });
  const { gateway } = await runGateway(folder);
  const { mqtt } = gateway.addresses.broker;
  const client = await mqttClient(mqtt);
  const timer = setInterval(() => {
    client.publish("agv/1/state", '{"battery":{"charge":80.5}}').catch(() => undefined);
  }, 50);
  onTestFinished(() => clearInterval(timer));
  return { folder, agv: `${folder.dir}/devices/agv-1.yaml`, broker: `mqtt://127.0.0.1:${mqtt.port}` };
}

test("a device that dials in is browsed, read and recorded at the gateway's broker", async () => {
  const { folder, agv, broker } = await withVehicle();
  const out = `${folder.dir}/agv-1.ndjson`;
  const [found, read, recorded] = await Promise.all([
    linegate("browse", broker, "--from", "agv/#", "--for", "2s", "--json"),
    linegate("read", agv, "--broker", broker, "--json"),
    linegate("record", agv, "--broker", broker, "--for", "2s", "--out", out),
  ]);
  expect(linesOf(found.stdout)).toEqual([
    {
      name: "agv/1/state/battery/charge",
      entry: { address: "agv/1/state", pointer: "/battery/charge", type: "float" },
      writable: false,
      value: 80.5,
    },
  ]);
  expect(linesOf(read.stdout)).toEqual([
    { tag: "battery/charge", value: 80.5, raw: 80.5, unit: "%", quality: "good" },
  ]);
  expect(recorded).toMatchObject({ code: 0, stderr: "" });
  const { frames } = await readRecording(out);
  expect(frames[0]).toMatchObject({ direction: "received", channel: "agv/1/state" });
  expect(frames[0]?.bytes.toString()).toBe('{"battery":{"charge":80.5}}');
});

test("a running gateway's readings and states are shown without asking the devices", async () => {
  const { folder, broker } = await withVehicle();
  const { child, ended, said } = startLinegate(
    "monitor",
    folder.dir,
    "--gateway",
    "--broker",
    broker,
    "--json",
  );
  const lines = () => linesOf(said.stdout.slice(0, said.stdout.lastIndexOf("\n") + 1));
  await expect
    .poll(lines)
    .toContainEqual(expect.objectContaining({ device: "press-1", tag: "motor/setpoint", quality: "good" }));
  await expect.poll(lines).toContainEqual({
    device: "press-1",
    state: expect.objectContaining({ state: "online" }),
  });
  child.kill("SIGINT");
  expect(await ended).toMatchObject({ code: 0, stderr: "" });
});

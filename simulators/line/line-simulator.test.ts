import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { Aedes } from "aedes";
import { expect, onTestFinished, test } from "vitest";
import { loadModbusRtu, type ModbusRtu } from "../../adapters/modbus/modbus-serial.ts";
import { loadSite } from "../../src/config/load-site.ts";
import { GatewayError } from "../../src/domain/errors.ts";
import { LineSimulator } from "./line-simulator.ts";

const factory = join(import.meta.dirname, "../../mappings/factory");

async function startBroker() {
  const aedes = await Aedes.createBroker();
  const heard = new Map<string, string>();
  aedes.on("publish", ({ topic, payload }) => heard.set(topic, payload.toString()));
  const server = createServer(aedes.handle);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    server.close();
    await new Promise<void>((resolve) => aedes.close(resolve));
  });
  const send = (topic: string, message: object) => {
    const payload = JSON.stringify(message);
    aedes.publish({ cmd: "publish", topic, payload, qos: 1, retain: false, dup: false }, () => undefined);
  };
  return { send, heard, url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

const agv = "uagv/v2/Linegate/SIM-1";

/** The factory's line on free ports. */
async function startLine(speed = 1) {
  const loaded = await loadSite(factory);
  if (!loaded.ok) throw new GatewayError("CONFIG_INVALID", JSON.stringify(loaded.issues));
  const { url, heard, send } = await startBroker();
  const line = new LineSimulator(loaded.site, { broker: url, ports: "free", speed });
  onTestFinished(() => line.stop());
  await line.start();
  return { line, heard, send };
}

/** A Modbus client that nobody here wrote. */
async function connectTo(line: LineSimulator, device: string): Promise<ModbusRtu> {
  const client = new (loadModbusRtu())();
  onTestFinished(() => client.destroy(() => undefined));
  client.setTimeout(500);
  await client.connectTCP("127.0.0.1", { port: line.simulation.server(device).port });
  client.setID(1);
  return client;
}

test("the press serves the contract's registers, and a written setpoint slows it", async () => {
  const { line } = await startLine(10);
  const press = await connectTo(line, "press-1");
  const { buffer } = await press.readHoldingRegisters(40, 2);
  // CDAB: the low word first; the mapping's scale is 0.1.
  expect(buffer.swap32().swap16().readFloatBE(0)).toBeGreaterThan(50);
  await press.writeRegister(100, 0);
  await expect.poll(() => line.line.line.press.motorSpeed).toBeLessThan(100);
  await expect(press.readHoldingRegisters(102, 1)).rejects.toThrow("Illegal data address");
});

test("the AGV reports in the manner of VDA 5050, with the mapped values in their places", async () => {
  const { line, heard } = await startLine();
  await expect.poll(() => heard.get(`${agv}/state`)).toBeDefined();
  expect(JSON.parse(heard.get(`${agv}/state`) ?? "")).toMatchObject({
    headerId: 1,
    timestamp: expect.stringMatching(/Z$/),
    version: "2.0.0",
    manufacturer: "Linegate",
    serialNumber: "SIM-1",
    errors: [],
    actionStates: [],
    operatingMode: "AUTOMATIC",
    driving: true,
    batteryState: { batteryCharge: expect.any(Number) },
    agvPosition: { mapId: "hall-1", x: expect.any(Number) },
  });
  expect(JSON.parse(heard.get(`${agv}/connection`) ?? "")).toMatchObject({
    manufacturer: "Linegate",
    timestamp: expect.stringMatching(/Z$/),
    connectionState: "ONLINE",
  });
  expect(heard.has(`${agv}/factsheet`)).toBe(false);
  line.loseRadio(60_000);
  await expect.poll(() => heard.get(`${agv}/connection`)).toContain("CONNECTIONBROKEN");
});

test("the AGV takes orders and says in its state what became of them", async () => {
  const { line, heard, send } = await startLine();
  await expect.poll(() => heard.get(`${agv}/connection`)).toBeDefined();
  const nodes = [{ nodeId: "moon", sequenceId: 0, actions: [] }];
  send(`${agv}/order`, { orderId: "7", orderUpdateId: 0, nodes, edges: [] });
  const state = () => JSON.parse(heard.get(`${agv}/state`) ?? "{}") as Record<string, unknown>;
  await expect.poll(() => state()["errors"]).toMatchObject([{ errorType: "noRouteError" }]);
  send(`${agv}/order`, {
    orderId: "8",
    orderUpdateId: 0,
    nodes: [{ ...nodes[0], nodeId: "charger" }],
    edges: [],
  });
  await expect.poll(() => state()["orderId"]).toBe("8");
  expect(line.line.line.agv.stop).toBe("charger");
});

test("the tester and the compressor are devices of one edge node, and move with the line", async () => {
  const { line, heard } = await startLine(20);
  await expect.poll(() => heard.has("spBv1.0/stamping/DBIRTH/cell-1/tester")).toBe(true);
  expect(heard.has("spBv1.0/stamping/DBIRTH/cell-1/compressor")).toBe(true);
  const tester = line.simulation.devices.find(({ mapping }) => mapping.device === "tester-1");
  await expect.poll(() => Number(tester?.get("parts/tested"))).toBeGreaterThan(0);
  expect(Number(tester?.get("parts/tested"))).toBe(Number(line.line.line.welder.parts));
});

test("a frozen press takes requests and answers none until it thaws", async () => {
  const { line } = await startLine();
  const thaw = line.freezePress();
  const press = await connectTo(line, "press-1");
  await expect(press.readHoldingRegisters(40, 2)).rejects.toThrow("Timed out");
  thaw();
  const again = await connectTo(line, "press-1");
  expect((await again.readHoldingRegisters(40, 2)).data).toHaveLength(2);
});

test("a restart of the welder breaks its connections and keeps its port", async () => {
  const { line } = await startLine();
  const welder = await connectTo(line, "welder-1");
  const closed = new Promise<void>((resolve) => void welder.on("close", resolve));
  await line.restartWelder();
  await closed;
  const again = await connectTo(line, "welder-1");
  expect((await again.readHoldingRegisters(10, 2)).data).toHaveLength(2);
});

test("a site without a station of the line is refused", async () => {
  const loaded = await loadSite(factory);
  if (!loaded.ok) throw new GatewayError("CONFIG_INVALID", JSON.stringify(loaded.issues));
  const line = new LineSimulator({ ...loaded.site, devices: [] }, { broker: "mqtt://127.0.0.1:1" });
  await expect(line.start()).rejects.toMatchObject({ code: "CONFIG_INVALID" });
});

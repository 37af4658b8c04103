import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { linegate } from "../../src/cli/testing.ts";
import { gatewayStatus } from "../../src/hub/push/push-status.ts";
import { pushStoreAt } from "../../src/hub/push/push-store.ts";
import { verifyHub } from "../../src/hub/verify/verify-hub.ts";
import { noServerHere } from "../../src/nats/testing.ts";
import { ModbusSimulator } from "../../simulators/modbus/server.ts";
import { Control } from "../../simulators/vehicle/control.ts";
import { Perception } from "../../simulators/vehicle/perception.ts";
import { Planning } from "../../simulators/vehicle/planning.ts";
import { VehicleSensors } from "../../simulators/vehicle/sensors.ts";
import { spawnGateway, type GatewayProcess } from "../fixture/gateway-process.ts";
import { hubConfigOfDocs, hubPasswords, HubServer, hubUser } from "../fixture/hub.ts";
import { asHubUser } from "../fixture/hub-edge.ts";
import { SiteFolder } from "../fixture/site-folder.ts";

const shipped = join(import.meta.dirname, "../../mappings/vehicle");
const patience = { timeout: 60_000, interval: 200 };

beforeEach(async (ctx) => {
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
});

/** The accounts of docs/hub.md for this vehicle, whose hub may only limit its speed. */
function accounts(): string {
  return hubConfigOfDocs("accounts.conf")
    .replace('"cmd.plant1.stamping.line1.>"', '"cmd.fleet.car-1.drive-unit.speed.limit"')
    .replaceAll("plant1.stamping.line1", "fleet.car-1")
    .replaceAll(/(?<!\$)line1-gw/g, "car-1");
}

/** mappings/vehicle, but for its addresses, and with batches and trials short enough to be waited for. */
async function vehicleFolder(hub: HubServer, accept: string): Promise<SiteFolder> {
  const cooling = await ModbusSimulator.start();
  onTestFinished(() => cooling.refuse());
  const read = (path: string): string => readFileSync(join(shipped, path), "utf8");
  const folder = new SiteFolder({
    "gateway.yaml": read("gateway.yaml")
      .replace("127.0.0.1:1883", "127.0.0.1:0")
      .replace("listen: 127.0.0.1:4222", "listen: 127.0.0.1:0")
      .replace("maxBytes: 4GB", "maxBytes: 64MB")
      .replace(
        "nats-leaf://127.0.0.1:7422",
        `nats-leaf://127.0.0.1:${hub.line.port}\n  user: car-1\n  password: file:hub-password`,
      )
      .replace("maxAge: 30s", "maxAge: 500ms")
      .replace("accept: [mappings, files, commands]", `accept: ${accept}`)
      .replace("trial: 30m", "trial: 8s")
      .concat("http: { listen: 127.0.0.1:0 }\n"),
    "alerts.yaml": read("alerts.yaml"),
    "hub-password": hubPasswords.LINE1_GW_PASSWORD,
  });
  cpSync(join(shipped, "devices"), join(folder.dir, "devices"), { recursive: true });
  folder.write("devices/cooling.yaml", read("devices/cooling.yaml").replace("15060", String(cooling.port)));
  return folder;
}

async function nodeAs(gateway: GatewayProcess, user: string): Promise<NatsConnection> {
  const connection = await connect({ servers: gateway.addresses.nats, user, pass: user });
  onTestFinished(() => connection.close());
  return connection;
}

/** The compute nodes and the sensors, each as the user that the mapping has for it. */
async function drive(gateway: GatewayProcess) {
  const { host, port } = gateway.addresses.broker.mqtt;
  const sensors = await VehicleSensors.connect(`mqtt://${host}:${port}`, "sensors", "sensors");
  sensors.start(50);
  const now = () => performance.now();
  const control = new Control(await nodeAs(gateway, "control"), {
    setpoint: "cmd.fleet.car-1.drive-unit.speed.setpoint",
    now,
  });
  await control.start();
  await new Planning(await nodeAs(gateway, "planning")).start();
  let frames = 0;
  const perception = new Perception(await nodeAs(gateway, "perception"), now, () => (frames += 1));
  await perception.start();
  const looking = setInterval(() => perception.look(), 20);
  onTestFinished(async () => {
    clearInterval(looking);
    await sensors.stop();
  });
  const moreFrames = async (): Promise<void> => {
    const before = frames;
    await expect.poll(() => frames, patience).toBeGreaterThan(before + 20);
  };
  return { sensors, control, moreFrames };
}

const urlOf = (hub: HubServer): string => `nats://127.0.0.1:${hub.ports.clients}`;
const push = (hub: HubServer, ...args: readonly string[]) =>
  asHubUser("engineer", "hub", "push", "car-1", "--hub", urlOf(hub), ...args);

/** A hub with its streams, and the vehicle linked to it. */
async function linkedVehicle(accept = "[mappings, files, commands]") {
  const hub = await HubServer.prepare("hub-1");
  await hub.start("hub.conf", [hub], { accounts: accounts() });
  const fleet = new SiteFolder({ "fleet.yaml": "gateways: [car-1]\npush: { maxBytes: 20MB }\n" });
  const made = await asHubUser("fleet", "hub", "apply", join(fleet.dir, "fleet.yaml"), "--url", urlOf(hub));
  expect(made).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse(made.stdout)).toMatchObject({ streams: [{}, {}, { stream: "PUSH", action: "create" }] });
  const folder = await vehicleFolder(hub, accept);
  const gateway = await spawnGateway(folder.dir);
  await expect.poll(() => gateway.log.map(({ msg }) => msg), patience).toContain("Connected to the hub");
  return { hub, folder, gateway };
}

test("cut off, the vehicle drives on; on return all is at the hub once, and what was put meanwhile is taken or refused", async () => {
  const { hub, folder, gateway } = await linkedVehicle();
  const { sensors, control, moreFrames } = await drive(gateway);
  await moreFrames();
  await expect.poll(() => control.written, patience).toEqual({ ok: true });
  hub.line.cut();
  await moreFrames();
  // The line's own decision, with no hub: a tyre loses air, the speed is limited.
  sensors.pressures.set("rear-left", 1.6);
  await expect.poll(() => sensors.drive.limit, patience).toBe(80);

  const map = new SiteFolder({ "town.map": "streets ".repeat(50_000) });
  const edited = readFileSync(join(folder.dir, "devices/tyres.yaml"), "utf8").replace(
    "silence: 60s",
    "silence: 90s",
  );
  const wrong = readFileSync(join(folder.dir, "devices/battery.yaml"), "utf8").replace(
    "silence: 10s",
    "silense: 10s",
  );
  map.write("tyres.yaml", edited);
  map.write("battery.yaml", wrong);
  const away = ["--wait", "0", "--by", "anna"];
  expect(await push(hub, join(map.dir, "town.map"), "--as", "files/maps/town.map", ...away)).toMatchObject({
    code: 0,
  });
  expect(await push(hub, join(map.dir, "tyres.yaml"), "--as", "devices/tyres.yaml", ...away)).toMatchObject({
    code: 0,
  });
  expect(
    await push(hub, join(map.dir, "battery.yaml"), "--as", "devices/battery.yaml", ...away),
  ).toMatchObject({ code: 0 });
  await moreFrames();
  await expect.poll(() => control.written, patience).toEqual({ ok: true });

  hub.line.mend();
  const store = pushStoreAt(await hubUser([hub], "engineer"));
  const status = async () => {
    const { orders } = await gatewayStatus(store, "car-1");
    return Object.fromEntries(orders.map(({ name, outcome }) => [name, outcome?.outcome]));
  };
  await expect.poll(status, { timeout: 60_000, interval: 500 }).toEqual({
    "files/maps/town.map": "applied",
    "devices/tyres.yaml": "applied",
    "devices/battery.yaml": "refused",
  });
  expect(readFileSync(join(folder.dir, "files/maps/town.map"), "utf8")).toBe("streets ".repeat(50_000));
  expect(readFileSync(join(folder.dir, "devices/tyres.yaml"), "utf8")).toBe(edited);
  expect(readFileSync(join(folder.dir, "devices/battery.yaml"), "utf8")).toContain("silence: 10s");
  const again = await push(hub, join(map.dir, "battery.yaml"), "--as", "devices/battery.yaml");
  expect(again.code).toBe(1);
  expect(JSON.parse(again.stdout)).toMatchObject({
    outcome: {
      outcome: "refused",
      issues: [{ file: "devices/battery.yaml", line: 5, column: 15, meant: "silence" }],
    },
  });
  await moreFrames();

  await sensors.stop();
  const fleet = await hubUser([hub], "fleet");
  await expect
    .poll(() => verifyHub(fleet), { ...patience, interval: 500 })
    .toMatchObject({ ok: true, behind: [], foreign: { batches: 0, events: 0 } });
  const { streams } = await verifyHub(fleet);
  expect(streams.map(({ stream }) => stream)).toEqual(
    expect.arrayContaining(["driving", "sensors", "EVENTS"]),
  );
}, 240_000);

test("killed while a change is taken the vehicle starts on a whole folder; rolled back from the hub it is as before", async () => {
  const { hub, folder, gateway } = await linkedVehicle();
  const before = readFileSync(join(folder.dir, "devices/tyres.yaml"), "utf8");
  const site = new SiteFolder({});
  cpSync(join(folder.dir, "devices"), join(site.dir, "devices"), { recursive: true });
  writeFileSync(join(site.dir, "alerts.yaml"), readFileSync(join(folder.dir, "alerts.yaml")));
  site.write("devices/tyres.yaml", before.replace("silence: 60s", "silence: 90s"));
  mkdirSync(join(site.dir, "files"));
  writeFileSync(join(site.dir, "files/town.map"), Buffer.alloc(2_000_000, "m"));
  expect((await push(hub, site.dir, "--wait", "0")).code).toBe(0);
  gateway.kill("SIGKILL");
  await gateway.ended;

  const again = await spawnGateway(folder.dir);
  const store = pushStoreAt(await hubUser([hub], "engineer"));
  await expect
    .poll(async () => (await gatewayStatus(store, "car-1")).orders[0]?.outcome?.outcome, patience)
    .toBe("applied");
  expect(readFileSync(join(folder.dir, "devices/tyres.yaml"), "utf8")).toContain("silence: 90s");
  expect(readFileSync(join(folder.dir, "files/town.map")).length).toBe(2_000_000);
  const back = await asHubUser("engineer", "hub", "roll-back", "car-1", "--hub", urlOf(hub));
  expect(JSON.parse(back.stdout)).toMatchObject({ outcome: { outcome: "applied" } });
  expect(readFileSync(join(folder.dir, "devices/tyres.yaml"), "utf8")).toBe(before);
  again.kill("SIGTERM");
  expect(await again.ended).toBe(0);
  const audit = await linegate("audit", "list", folder.dir, "--json");
  expect(audit.stdout).toContain('"name":"mappings+files"');
  expect((await linegate("audit", "verify", folder.dir)).code).toBe(0);
}, 240_000);

test("the cloud writes what the hub's rights and the mapping's limits let it, and nothing else", async () => {
  const { hub, gateway } = await linkedVehicle();
  const { sensors } = await drive(gateway);
  const cloud = await hubUser([hub], "cloud");
  const write = async (tag: string, value: number) =>
    (
      await cloud.request(`cmd.fleet.car-1.${tag}`, JSON.stringify({ value, by: "cloud" }), {
        timeout: 2_000,
      })
    ).json<object>();
  await expect.poll(() => write("drive-unit.speed.limit", 100), patience).toMatchObject({ ok: true });
  await expect.poll(() => sensors.drive.limit).toBe(100);
  expect(await write("drive-unit.speed.limit", 300)).toMatchObject({ ok: false, code: "WRITE_REFUSED" });
  await expect(write("drive-unit.speed.setpoint", 50)).rejects.toThrow("no responders");
});

test("a gateway.yaml that loses the hub is taken back by itself, and one that can't be started on too", async () => {
  const { hub, folder, gateway } = await linkedVehicle("[mappings, gateway]");
  const good = readFileSync(join(folder.dir, "gateway.yaml"), "utf8");
  const put = async (text: string) => {
    const file = new SiteFolder({ "gateway.yaml": text });
    const { stdout } = await push(hub, join(file.dir, "gateway.yaml"), "--as", "gateway.yaml");
    return JSON.parse(stdout) as { outcome: { outcome: string; needRestart?: string[] } };
  };
  const store = pushStoreAt(await hubUser([hub], "engineer"));
  const outcomes = async () => (await gatewayStatus(store, "car-1")).orders[0]?.outcome?.outcome;
  const lost = good.replace(String(hub.line.port), "1");
  expect(await put(lost)).toMatchObject({ outcome: { outcome: "applied", needRestart: ["hub.leaf"] } });
  gateway.kill("SIGTERM");
  await gateway.ended;
  const again = await spawnGateway(folder.dir);
  await expect.poll(outcomes, { ...patience, interval: 500 }).toBe("rolled back");
  expect(readFileSync(join(folder.dir, "gateway.yaml"), "utf8")).toBe(good);

  const taken = good.replace(
    "http: { listen: 127.0.0.1:0 }",
    `http: { listen: 127.0.0.1:${hub.ports.clients} }`,
  );
  expect(await put(taken)).toMatchObject({ outcome: { outcome: "applied", needRestart: ["http.listen"] } });
  again.kill("SIGTERM");
  await again.ended;
  await spawnGateway(folder.dir);
  await expect.poll(outcomes, { ...patience, interval: 500 }).toBe("rolled back");
  expect(readFileSync(join(folder.dir, "gateway.yaml"), "utf8")).toBe(good);
}, 240_000);

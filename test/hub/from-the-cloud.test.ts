import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { NatsConnection } from "@nats-io/transport-node";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { noServerHere } from "../../src/nats/testing.ts";
import { ModbusSimulator } from "../../simulators/modbus/server.ts";
import { spawnGateway } from "../fixture/gateway-process.ts";
import { hubPasswords, HubServer, hubUser } from "../fixture/hub.ts";
import { applyFleet, asHubUser, patience, urls } from "../fixture/hub-edge.ts";
import { pressFile, SiteFolder } from "../fixture/site-folder.ts";

beforeEach(async (ctx) => {
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
});

/** By how the gateway reaches the hub: its name, its place and what is said of it. */
const ways = {
  "as a leaf": {
    line: "line1",
    password: hubPasswords.LINE1_GW_PASSWORD,
    hub: (hubs: readonly HubServer[]) =>
      `leaf: "${hubs.map(({ line }) => `nats-leaf://127.0.0.1:${line.port}`).join(",")}"`,
    fleet: "gateways: [line1-gw]",
    through: ({ line }: HubServer) => line,
  },
  "as a client": {
    line: "line3",
    password: hubPasswords.LINE3_GW_PASSWORD,
    hub: (hubs: readonly HubServer[]) =>
      `live: ["data/+/+/line3/press-1/#", "state/#"], url: "${hubs.map(({ clientLine }) => `nats://127.0.0.1:${clientLine.port}`).join(",")}"`,
    fleet: "gateways: []\nforwarders: [{ gateway: line3-gw, site: plant1/stamping/line3 }]",
    through: ({ clientLine }: HubServer) => clientLine,
  },
} as const;

/** A cluster of three with its streams, and a gateway with a press that reaches it in this way. */
async function linked({ line, password, hub, fleet }: (typeof ways)[keyof typeof ways]) {
  const hubs = await Promise.all(["hub-1", "hub-2", "hub-3"].map((name) => HubServer.prepare(name)));
  await Promise.all(hubs.map((one) => one.start("hub-1.conf", hubs)));
  const text = `${fleet}\nreplicas: 3\npush: { maxBytes: 20MB }\n`;
  // A cluster that has just started has no leader yet.
  await expect.poll(async () => (await applyFleet(hubs, text)).code, { ...patience, interval: 500 }).toBe(0);
  const press = await ModbusSimulator.start();
  onTestFinished(() => press.refuse());
  const folder = new SiteFolder({
    "gateway.yaml": `
gateway: ${line}-gw
site: plant1/stamping/${line}
broker: { listen: 127.0.0.1:0 }
nats: { embedded: { listen: 127.0.0.1:0, maxBytes: 64MB } }
http: { listen: 127.0.0.1:0 }
hub: { ${hub(hubs)}, user: ${line}-gw, password: "file:hub-password", accept: [mappings, files, commands], trial: 60s }
`,
    "hub-password": password,
    "devices/press-1.yaml": pressFile("press-1", press.port),
  });
  const cloud = await hubUser(hubs, "cloud");
  const told = { readings: await heard(cloud, "data"), states: await heard(cloud, "state") };
  const gateway = await spawnGateway(folder.dir);
  await expect.poll(() => gateway.log.map(({ msg }) => msg), patience).toContain("Connected to the hub");
  return { hubs, folder, gateway, port: press.port, cloud, told };
}

/** The subjects that the cloud hears below a first token. */
async function heard(cloud: NatsConnection, first: string): Promise<readonly string[]> {
  const subjects: string[] = [];
  cloud.subscribe(`${first}.>`, { callback: (_, { subject }) => void subjects.push(subject) });
  await cloud.flush();
  return subjects;
}

test.each(Object.keys(ways) as (keyof typeof ways)[])(
  "of a cluster of three, %s: it is seen live, takes commands, and what is put for it while it is away and one server is dead",
  async (how) => {
    const { line, through } = ways[how];
    const { hubs, folder, gateway, port, cloud, told } = await linked(ways[how]);
    const place = `plant1.stamping.${line}`;
    await expect.poll(() => told.readings, patience).toContain(`data.${place}.press-1.ram.pressure`);
    await expect.poll(() => told.states, patience).toContain(`state.${place}.gateway`);

    const write = async (value: number) => {
      const subject = `cmd.${place}.press-1.motor.setpoint`;
      const reply = await cloud.request(subject, JSON.stringify({ value, by: "cloud" }), { timeout: 2_000 });
      return reply.json<object>();
    };
    await expect
      .poll(() => write(700).catch(() => undefined), patience)
      .toMatchObject({ ok: true, readBack: 700 });
    expect(await write(9_999)).toMatchObject({ ok: false, code: "WRITE_REFUSED" });

    for (const one of hubs) through(one).cut();
    await hubs[1]?.kill();
    const edited = pressFile("press-1", port).replace("max: 1500", "max: 1200");
    const put = new SiteFolder({ "press-1.yaml": edited, recipe: "steel ".repeat(100_000) });
    const push = (file: string, as: string, ...more: readonly string[]) => {
      const what = [join(put.dir, file), "--as", as, "--hub", urls(hubs)];
      return asHubUser("engineer", "hub", "push", `${line}-gw`, ...what, ...more);
    };
    // The two that are left elect a leader first.
    await expect
      .poll(async () => (await push("press-1.yaml", "devices/press-1.yaml", "--wait", "0")).code, patience)
      .toBe(0);
    expect((await push("recipe", "files/recipe", "--wait", "0")).code).toBe(0);
    for (const one of hubs) through(one).mend();
    await expect
      .poll(() => gateway.log.filter(({ msg }) => msg === "taken from the hub").length, patience)
      .toBe(2);
    expect(readFileSync(join(folder.dir, "devices/press-1.yaml"), "utf8")).toBe(edited);
    expect(readFileSync(join(folder.dir, "files/recipe"), "utf8")).toBe("steel ".repeat(100_000));
    await expect
      .poll(() => write(1_300).catch(() => undefined), patience)
      .toMatchObject({ ok: false, code: "WRITE_REFUSED" });
    const wrong = await push("recipe", "devices/press-2.yaml", "--wait", "30s");
    expect({ code: wrong.code, outcome: JSON.parse(wrong.stdout) as unknown }).toMatchObject({
      code: 1,
      outcome: { outcome: { outcome: "refused" } },
    });
  },
  240_000,
);

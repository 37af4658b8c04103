import { beforeEach, expect, test } from "vitest";
import { noServerHere } from "../../src/nats/testing.ts";
import { hubPasswords, HubServer, hubUser } from "../fixture/hub.ts";
import { applyFleet, arrived, Edge, expectAllOnce, patience } from "../fixture/hub-edge.ts";
import { natsClient } from "../fixture/nats-client.ts";
import { runGateway, type RunningGateway } from "../fixture/running-gateway.ts";
import { SiteFolder } from "../fixture/site-folder.ts";
import { signalTo } from "../../src/nats/processes-testing.ts";

beforeEach(async (ctx) => {
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
});

const fleetFile = (replicas: number) =>
  `gateways: []\nreplicas: ${replicas}\nforwarders: [{ gateway: line3-gw, site: plant1/stamping/line3 }]\n`;

function forwardingSite(servers: readonly HubServer[]): SiteFolder {
  const url = servers.map(({ clientLine }) => `nats://127.0.0.1:${clientLine.port}`).join(",");
  return new SiteFolder({
    "gateway.yaml": `
gateway: line3-gw
site: plant1/stamping/line3
broker: { listen: 127.0.0.1:0 }
nats: { embedded: { listen: 127.0.0.1:0, maxBytes: 64MB } }
http: { listen: 127.0.0.1:0 }
hub: { url: "${url}", user: line3-gw, password: "file:hub-password" }
`,
    "hub-password": hubPasswords.LINE3_GW_PASSWORD,
  });
}

const hubHealth = ({ gateway }: RunningGateway) => gateway.health().parts["hub"];

test("with the rights of a plain client everything arrives once and in order: cuts, a black hole, kills of both servers", async () => {
  const hub = await HubServer.prepare("hub-1");
  await hub.start("hub.conf", [hub]);
  const running = await runGateway(forwardingSite([hub]));
  const edge = await Edge.of(running, "line3");
  const fleet = await hubUser([hub], "fleet");
  await expect.poll(() => hubHealth(running)?.detail, patience).toContain("run linegate hub apply");
  const applied = await applyFleet([hub], fleetFile(1));
  expect(JSON.parse(applied.stdout)).toMatchObject({
    streams: [{ action: "create" }, { action: "create" }, { action: "create" }, { action: "create" }],
    away: [],
  });
  expect(JSON.parse((await applyFleet([hub], fleetFile(1))).stdout)).toMatchObject({
    streams: [{ action: "none" }, { action: "none" }, { action: "none" }, { action: "none" }],
  });
  const inside = await natsClient(running.gateway.addresses.nats);
  // Another gateway's on the same server is none of this one's.
  await inside.request("event.plant1.stamping.line4.press-1.done", "{}");
  await edge.send(100);
  await arrived(fleet, edge);
  expect(hubHealth(running)).toMatchObject({ ok: true });

  for (let cut = 0; cut < 4; cut += 1) {
    const sending = edge.send(60);
    hub.clientLine.cut();
    await sending;
    hub.clientLine.mend();
  }
  await arrived(fleet, edge);

  hub.clientLine.swallow();
  await edge.send(60);
  await expect.poll(() => hubHealth(running)?.ok, patience).toBe(false);
  hub.clientLine.mend();
  await arrived(fleet, edge);

  const sending = edge.send(60);
  await hub.kill();
  await sending;
  await hub.start("hub.conf", [hub]);
  await arrived(fleet, edge);

  await edge.send(60);
  signalTo(running.gateway.natsServer?.pid, "SIGKILL");
  await arrived(fleet, edge);
  await expectAllOnce([hub], edge);
}, 240_000);

test("a gateway that begins anew goes on behind the last message that the hub has", async () => {
  const hub = await HubServer.prepare("hub-1");
  await hub.start("hub.conf", [hub]);
  await applyFleet([hub], fleetFile(1));
  const fleet = await hubUser([hub], "fleet");
  const site = forwardingSite([hub]);
  const first = await runGateway(site);
  const edge = await Edge.of(first, "line3");
  await edge.send(50);
  await arrived(fleet, edge);
  hub.clientLine.cut();
  await edge.send(50);
  await first.gateway.stop();
  hub.clientLine.mend();
  // The hub's memory of ids is not what keeps them apart.
  for (const stream of ["EVENTS-from-line3-gw", "BATCHES-from-line3-gw"]) {
    const info = await fleet.request(`$JS.API.STREAM.INFO.${stream}`);
    const { config } = info.json<{ config: object }>();
    await fleet.request(
      `$JS.API.STREAM.UPDATE.${stream}`,
      JSON.stringify({ ...config, duplicate_window: 100_000_000 }),
    );
  }
  const second = await runGateway(site);
  await arrived(fleet, edge);
  expect(hubHealth(second)).toMatchObject({ ok: true });
  await expectAllOnce([hub], edge);
});

test("into a cluster of three everything arrives once and in order while one server after another is killed", async () => {
  const servers = await Promise.all(["hub-1", "hub-2", "hub-3"].map((name) => HubServer.prepare(name)));
  await Promise.all(servers.map((server) => server.start("hub-1.conf", servers)));
  // A cluster that has just started has no leader yet.
  const apply = () => applyFleet(servers, fleetFile(3));
  await expect.poll(async () => (await apply()).code, { ...patience, interval: 500 }).toBe(0);
  const running = await runGateway(forwardingSite(servers));
  const edge = await Edge.of(running, "line3");
  const fleet = await hubUser(servers, "fleet");
  for (const victim of servers.slice(1)) {
    const sending = edge.send(80);
    await victim.kill();
    await sending;
    await arrived(fleet, edge);
    await victim.start("hub-1.conf", servers);
    await expect.poll(() => hubHealth(running)?.ok, patience).toBe(true);
  }
  await arrived(fleet, edge);
  await expectAllOnce(servers, edge);
}, 240_000);

import { beforeEach, expect, test } from "vitest";
import { findServer } from "../../src/nats/find-server.ts";
import { inspectServer } from "../../src/nats/server-program.ts";
import { noServerHere } from "../../src/nats/testing.ts";
import { hubPasswords, HubServer, hubUser } from "../fixture/hub.ts";
import { apply, arrived, Edge, expectAllOnce, patience, urls } from "../fixture/hub-edge.ts";
import { natsClient } from "../fixture/nats-client.ts";
import { runGateway, type RunningGateway } from "../fixture/running-gateway.ts";
import { SiteFolder } from "../fixture/site-folder.ts";

beforeEach(async (ctx) => {
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
});

function siteWithHub(servers: readonly HubServer[]): SiteFolder {
  const leaf = servers.map(({ line }) => `nats-leaf://127.0.0.1:${line.port}`).join(",");
  return new SiteFolder({
    "gateway.yaml": `
gateway: line1-gw
site: plant1/stamping/line1
broker: { listen: 127.0.0.1:0 }
nats: { embedded: { listen: 127.0.0.1:0, maxBytes: 64MB } }
http: { listen: 127.0.0.1:0 }
hub: { leaf: "${leaf}", user: line1-gw, password: "file:hub-password", accept: [commands] }
`,
    "hub-password": hubPasswords.LINE1_GW_PASSWORD,
  });
}

const hubPart = ({ gateway }: RunningGateway) => gateway.health().parts["hub"]?.ok;

test("through the one server of docs/hub.md everything arrives once and in order: a cut, a black hole, a kill", async () => {
  const hub = await HubServer.prepare("hub-1");
  await hub.start("hub.conf", [hub]);
  const running = await runGateway(siteWithHub([hub]));
  const edge = await Edge.of(running);
  const fleet = await hubUser([hub], "fleet");
  await expect.poll(() => hubPart(running), patience).toBe(true);

  const first = await apply([hub], 1);
  expect(JSON.parse(first.stdout)).toMatchObject({
    streams: [{ action: "create" }, { action: "create" }],
    away: ["line2-gw"],
  });
  expect(JSON.parse((await apply([hub], 1)).stdout)).toMatchObject({
    streams: [{ action: "none", changes: [] }, { action: "none" }],
  });
  await edge.send(100);
  await arrived(fleet, edge);

  hub.line.cut();
  await edge.send(100);
  hub.line.mend();
  await arrived(fleet, edge);

  hub.line.swallow();
  await edge.send(100);
  await expect.poll(() => hubPart(running), patience).toBe(false);
  expect(running.gateway.health()).toMatchObject({ ok: true, parts: { nats: { ok: true } } });
  hub.line.mend();
  await arrived(fleet, edge);

  await hub.kill();
  await edge.send(100);
  await hub.start("hub.conf", [hub]);
  await arrived(fleet, edge);
  await expectAllOnce([hub], edge);
}, 240_000);

test("through the three servers of docs/hub.md everything arrives while one of them is killed", async () => {
  const servers = await Promise.all(["hub-1", "hub-2", "hub-3"].map((name) => HubServer.prepare(name)));
  await Promise.all(servers.map((server) => server.start("hub-1.conf", servers)));
  const running = await runGateway(siteWithHub(servers));
  const edge = await Edge.of(running);
  const fleet = await hubUser(servers, "fleet");
  await expect.poll(() => hubPart(running), patience).toBe(true);
  // A cluster that has just started has no leader yet.
  await expect.poll(async () => (await apply(servers, 3)).code, { ...patience, interval: 500 }).toBe(0);
  await edge.send(100);
  await arrived(fleet, edge);

  // Before 2.10 the server does not say its name there.
  const name = /connected to (\S+)/.exec(running.gateway.health().parts["hub"]?.detail ?? "")?.[1];
  const victim = servers.find((server) =>
    [server.name, `127.0.0.1:${server.line.port}`].includes(name ?? ""),
  );
  expect(victim).toBeDefined();
  await victim?.kill();
  await edge.send(100);
  await arrived(fleet, edge);
  await victim?.start("hub-1.conf", servers);
  await edge.send(100);
  await arrived(fleet, edge);
  await expectAllOnce(servers, edge);
}, 240_000);

test("not even a hub where everybody may do everything puts readings into the line", async (ctx) => {
  const { version } = await inspectServer(await findServer(undefined, process.env["PATH"] ?? ""));
  ctx.skip(!version.features.denyImports, `nats-server ${version.text}: left to the rights at the hub`);
  const hub = await HubServer.prepare("hub-1");
  await hub.start("hub.conf", [hub], { accounts: "" });
  const running = await runGateway(siteWithHub([hub]));
  await expect.poll(() => hubPart(running), patience).toBe(true);
  const inside = await natsClient(running.gateway.addresses.nats);
  const heard: string[] = [];
  inside.subscribe("*.plant1.>", { callback: (_, message) => void heard.push(message.subject) });
  await inside.flush();
  const outside = await natsClient(urls([hub]));
  await expect
    .poll(() => {
      for (const first of ["data", "alert", "line", "event", "audit", "batch", "state", "cmd"])
        outside.publish(`${first}.plant1.x`, "{}");
      return heard;
    })
    .toContain("cmd.plant1.x");
  expect(new Set(heard)).toEqual(new Set(["cmd.plant1.x"]));
});

test("the cloud sees live what the gateway says and sends commands, and nobody puts readings into the line", async () => {
  const hub = await HubServer.prepare("hub-1");
  await hub.start("hub.conf", [hub]);
  const cloud = await hubUser([hub], "cloud");
  const states: unknown[] = [];
  cloud.subscribe("state.plant1.stamping.line1.>", {
    callback: (_, message) => void states.push(message.json()),
  });
  const heardInTheCloud: string[] = [];
  cloud.subscribe("data.plant1.stamping.line1.>", {
    callback: (_, message) => void heardInTheCloud.push(message.subject),
  });
  await cloud.flush();
  const running = await runGateway(siteWithHub([hub]));
  await expect
    .poll(() => states, patience)
    .toContainEqual(
      expect.objectContaining({
        timestamp: expect.any(Number),
        hub: expect.objectContaining({ connected: true, since: expect.any(Number) }),
      }),
    );

  const command = ["cmd.plant1.stamping.line1.press-1.motor.setpoint", JSON.stringify({ value: 1 })] as const;
  const reply = await cloud.request(...command, { timeout: 5_000 });
  expect(reply.json()).toMatchObject({ ok: false, code: "WRITE_REFUSED" });

  const inside = await natsClient(running.gateway.addresses.nats);
  const heardInside: string[] = [];
  inside.subscribe("data.>", { callback: (_, message) => void heardInside.push(message.subject) });
  inside.subscribe("cmd.plant1.stamping.line1.last", { callback: () => void heardInside.push("last") });
  await inside.flush();
  const liar = await hubUser([hub], "line1-gw");
  liar.publish("data.plant1.stamping.line1.press-1.ram.pressure", "{}");
  await liar.flush();
  await expect.poll(() => heardInTheCloud).toEqual(["data.plant1.stamping.line1.press-1.ram.pressure"]);
  await expect
    .poll(() => {
      cloud.publish("cmd.plant1.stamping.line1.last");
      return heardInside;
    })
    .toContain("last");
  expect(heardInside.filter((subject) => subject !== "last")).toEqual([]);
});

import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { gatewaySchema } from "../config/gateway-schema.ts";
import type { Site } from "../config/site.ts";
import { isPortFree, prepareDemoSite } from "./demo-site.ts";

function siteWith(gateway: object): Site {
  const config = gatewaySchema.parse({ gateway: "gw", site: "a/b", ...gateway });
  return { dir: "/nowhere", gateway: config, devices: [], files: [] };
}

test("keeps the ports that are free, and takes free ones for those that are not", async () => {
  const { site, taken } = await prepareDemoSite(siteWith({}), "/tmp/store", async (port) => port !== 1_883);
  expect(site.gateway.broker.listen).toEqual({ host: "127.0.0.1", port: 0 });
  expect(site.gateway.nats.embedded?.listen).toEqual({ host: "127.0.0.1", port: 4_222 });
  expect(taken).toEqual([{ what: "MQTT", port: 1_883 }]);
});

test("whatever the site says, the demo stays on this machine with a server and a store of its own", async () => {
  const wanted = siteWith({
    broker: { listen: "0.0.0.0:1884" },
    nats: { url: "nats://10.0.0.5:4222", user: "gw", password: "env:NATS_PASSWORD" },
    hub: { leaf: "nats-leaf://hub.example:7422" },
    users: { anonymous: { read: ["data/#"] } },
  });
  const { site } = await prepareDemoSite(wanted, "/tmp/store", async () => true);
  expect(site.gateway.broker.listen).toEqual({ host: "127.0.0.1", port: 1_884 });
  expect(site.gateway.nats).toMatchObject({
    embedded: { listen: { host: "127.0.0.1" }, store: "/tmp/store" },
  });
  expect(site.gateway.nats.url).toBeUndefined();
  expect(site.gateway.hub).toBeUndefined();
  expect(site.gateway.users).toEqual({});
});

test("a port that another program listens on is not free", async () => {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  expect(await isPortFree(port)).toBe(false);
  server.close();
  await once(server, "close");
  expect(await isPortFree(port)).toBe(true);
});

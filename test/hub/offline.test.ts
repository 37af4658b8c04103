import type { NatsConnection } from "@nats-io/transport-node";
import { beforeEach, expect, test } from "vitest";
import { renderMetrics } from "../../src/observability/exposition.ts";
import { noServerHere } from "../../src/nats/testing.ts";
import { hubPasswords, HubServer, hubUser } from "../fixture/hub.ts";
import { applyFleet, arrived, Edge, patience } from "../fixture/hub-edge.ts";
import { natsClient } from "../fixture/nats-client.ts";
import { runGateway, type RunningGateway } from "../fixture/running-gateway.ts";
import { SiteFolder } from "../fixture/site-folder.ts";

const site = "plant1/stamping";

beforeEach(async (ctx) => {
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
});

interface Told {
  readonly away: string;
  readonly messages: number;
  readonly fill: number;
  readonly streams: Readonly<Record<string, { readonly stream: { readonly rows: number } }>>;
}

/** What stands on `state/<site>/gateway`, as the last one to come hears it. */
async function stateOf(inside: NatsConnection, line: string): Promise<() => Told | undefined> {
  let last: { readonly forward?: Told } = {};
  inside.subscribe(`state.plant1.stamping.${line}.gateway`, {
    callback: (_, message) => {
      last = message.json();
    },
  });
  await inside.flush();
  return () => last.forward;
}

const alertOf = ({ gateway }: RunningGateway, name: string) =>
  gateway.alerts.find(({ alert }) => alert === name)?.["raised"];

const ways = [
  {
    way: "a leaf",
    line: "line1",
    fleet: "gateways: [line1-gw]",
    hub: ({ line }: HubServer) => `leaf: "nats-leaf://127.0.0.1:${line.port}"`,
    password: hubPasswords.LINE1_GW_PASSWORD,
    linkTo: ({ line }: HubServer) => line,
  },
  {
    way: "a forwarder",
    line: "line3",
    fleet: `gateways: []\nforwarders: [{ gateway: line3-gw, site: ${site}/line3 }]`,
    hub: ({ clientLine }: HubServer) => `url: "nats://127.0.0.1:${clientLine.port}"`,
    password: hubPasswords.LINE3_GW_PASSWORD,
    linkTo: ({ clientLine }: HubServer) => clientLine,
  },
];

test.each(ways)(
  "as $way: while the hub is away what waits is counted, told and warned of, after a restart too, and no more when it has arrived",
  async ({ line, fleet, hub: hubKeys, password, linkTo }) => {
    const hub = await HubServer.prepare("hub-1");
    await hub.start("hub.conf", [hub]);
    const folder = new SiteFolder({
      "gateway.yaml": `
gateway: ${line}-gw
site: ${site}/${line}
broker: { listen: 127.0.0.1:0 }
nats: { embedded: { listen: 127.0.0.1:0, maxBytes: 64MB } }
http: { listen: 127.0.0.1:0 }
hub: { ${hubKeys(hub)}, user: ${line}-gw, password: "file:hub-password" }
offline: { hubAway: 5s, alerts: true }
`,
      "hub-password": password,
    });
    await applyFleet([hub], `${fleet}\nreplicas: 1\n`);
    const fleetUser = await hubUser([hub], "fleet");
    const running = await runGateway(folder, { lookEveryMs: 200 });
    const edge = await Edge.of(running, line);
    const told = await stateOf(await natsClient(running.gateway.addresses.nats), line);
    await edge.send(20);
    await arrived(fleetUser, edge);
    const health = () => running.gateway.health().parts["outbox"];
    await expect.poll(() => told(), patience).toMatchObject({ away: "none", messages: 0 });
    await expect.poll(() => health()?.detail, patience).toBeUndefined();

    linkTo(hub).cut();
    await expect.poll(() => told()?.away, patience).toBe("hub");
    await edge.send(50);
    await expect.poll(() => told()?.streams["BATCHES"]?.stream.rows, patience).toBe(50);
    await expect.poll(() => alertOf(running, "gateway-hub-away"), patience).toBe(true);
    expect(health()?.detail).toContain("wait for the hub");
    const page = renderMetrics(running.gateway.metrics());
    expect(page).toContain('linegate_offline{what="hub"} 1\n');
    expect(page).toContain('linegate_stream_waiting_messages{stream="BATCHES"} 50\n');
    await running.gateway.stop();

    const again = await runGateway(folder, { lookEveryMs: 200 });
    const now = await stateOf(await natsClient(again.gateway.addresses.nats), line);
    await expect.poll(() => now()?.streams["BATCHES"]?.stream.rows, patience).toBe(50);
    linkTo(hub).mend();
    await expect.poll(() => now(), patience).toMatchObject({ away: "none", messages: 0 });
  },
  200_000,
);

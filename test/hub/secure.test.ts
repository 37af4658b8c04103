import { readFileSync } from "node:fs";
import { join } from "node:path";
import { connect, credsAuthenticator } from "@nats-io/transport-node";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { linegate } from "../../src/cli/testing.ts";
import { certificates, noServerHere } from "../../src/nats/testing.ts";
import { hubPasswords, HubServer } from "../fixture/hub.ts";
import { arrived, Edge, patience } from "../fixture/hub-edge.ts";
import { NatsOperator } from "../fixture/nats-operator.ts";
import { runGateway } from "../fixture/running-gateway.ts";
import { SiteFolder } from "../fixture/site-folder.ts";

beforeEach(async (ctx) => {
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
});

/** By how the gateway reaches the hub. */
const ways = {
  "as a leaf": {
    line: "line1",
    password: hubPasswords.LINE1_GW_PASSWORD,
    hub: ({ line }: HubServer, scheme: string) => `leaf: "${scheme}://127.0.0.1:${line.port}"`,
    fleet: "gateways: [line1-gw]\npush: { maxBytes: 1MB }\n",
  },
  "as a client": {
    line: "line3",
    password: hubPasswords.LINE3_GW_PASSWORD,
    hub: ({ clientLine }: HubServer, scheme: string) => `url: "${scheme}://127.0.0.1:${clientLine.port}"`,
    fleet: "gateways: []\nforwarders: [{ gateway: line3-gw, site: plant1/stamping/line3 }]\n",
  },
} as const;
const each = Object.keys(ways) as (keyof typeof ways)[];

const gatewayFile = (line: string, hub: string) => `
gateway: ${line}-gw
site: plant1/stamping/${line}
broker: { listen: 127.0.0.1:0 }
nats: { embedded: { listen: 127.0.0.1:0, maxBytes: 64MB } }
http: { listen: 127.0.0.1:0 }
hub: { ${hub} }
`;

test.each(each)(
  "over TLS, %s, with a certificate that the hub asks for, everything arrives; without one, or with another authority, nothing does",
  async (how) => {
    const { line, password, hub, fleet } = ways[how];
    const skip: (reason: string) => never = (reason) => {
      throw new Error(reason);
    };
    const trusted = await certificates(skip, { names: "DNS:localhost,IP:127.0.0.1" });
    const strange = await certificates(skip, { names: "DNS:localhost,IP:127.0.0.1" });
    const server = await HubServer.prepare("hub-1");
    const [cert, key, ca] = ["server.pem", "server.key", "ca.pem"].map((name) => join(trusted, name));
    const tls = `tls { cert_file: "${cert}", key_file: "${key}", ca_file: "${ca}", verify: true }`;
    await server.start("hub.conf", [server], { tls });
    const site = (secrets: string) =>
      new SiteFolder({
        "gateway.yaml": gatewayFile(
          line,
          `${hub(server, "tls")}, user: ${line}-gw, password: "file:hub-password", ${secrets}`,
        ),
        "hub-password": password,
      });
    const own = `cert: "${cert}", key: "${key}"`;
    const bare = await runGateway(site(`ca: "${ca}"`));
    const other = await runGateway(site(`ca: "${join(strange, "ca.pem")}", ${own}`));
    const sound = await runGateway(site(`ca: "${ca}", ${own}`));
    const isLinked = ({ gateway }: typeof sound) =>
      gateway.health().parts["hub"]?.detail?.startsWith("connected");
    await expect.poll(() => isLinked(sound), patience).toBe(true);
    const folder = new SiteFolder({ "fleet.yaml": fleet, password: hubPasswords.FLEET_PASSWORD });
    const login = ["--user", "fleet", "--password", `file:${folder.dir}/password`, "--ca", ca ?? ""];
    const url = `tls://127.0.0.1:${server.ports.clients}`;
    const apply = ["hub", "apply", `${folder.dir}/fleet.yaml`, "--url", url, ...login];
    expect((await linegate(...apply)).code).toBe(1);
    const made = await linegate(...apply, "--cert", cert ?? "", "--key", key ?? "");
    expect(made).toMatchObject({ code: 0, stderr: "" });
    const fleetUser = await connect({
      servers: url,
      user: "fleet",
      pass: hubPasswords.FLEET_PASSWORD,
      tls: { caFile: ca ?? "", certFile: cert ?? "", keyFile: key ?? "", handshakeFirst: false },
    });
    onTestFinished(() => fleetUser.close());
    const edge = await Edge.of(sound, line);
    await edge.send(20);
    await arrived(fleetUser, edge);
    expect([bare, other].map(isLinked)).toEqual([false, false]);
  },
  120_000,
);

test.each(each)(
  "with a credentials file, %s, everything arrives, and another operator's file is refused",
  async (how) => {
    const { line, hub, fleet } = ways[how];
    const operator = new NatsOperator();
    const server = await HubServer.prepare("hub-1");
    await server.start("hub.conf", [server], { accounts: operator.accounts });
    const site = (credentials: string) =>
      new SiteFolder({
        "gateway.yaml": gatewayFile(
          line,
          `${hub(server, how === "as a leaf" ? "nats-leaf" : "nats")}, credentials: hub.creds`,
        ),
        "hub.creds": credentials,
      });
    const stranger = await runGateway(site(new NatsOperator().credentials(`${line}-gw`)));
    const sound = await runGateway(site(operator.credentials(`${line}-gw`)));
    const isLinked = ({ gateway }: typeof sound) =>
      gateway.health().parts["hub"]?.detail?.startsWith("connected");
    await expect.poll(() => isLinked(sound), patience).toBe(true);
    const folder = new SiteFolder({ "fleet.yaml": fleet, "fleet.creds": operator.credentials("fleet") });
    const url = `nats://127.0.0.1:${server.ports.clients}`;
    const apply = ["hub", "apply", `${folder.dir}/fleet.yaml`, "--url", url];
    const made = await linegate(...apply, "--credentials", `${folder.dir}/fleet.creds`);
    expect(made).toMatchObject({ code: 0, stderr: "" });
    const fleetUser = await connect({
      servers: url,
      authenticator: credsAuthenticator(readFileSync(`${folder.dir}/fleet.creds`)),
    });
    onTestFinished(() => fleetUser.close());
    const edge = await Edge.of(sound, line);
    await edge.send(20);
    await arrived(fleetUser, edge);
    expect(isLinked(stranger)).toBe(false);
  },
  120_000,
);

import { expect, test } from "vitest";
import { hubRemote } from "./hub-remote.ts";
import { serverConfig, type ServerConfigInput } from "./server-config.ts";

const plain: ServerConfigInput = {
  gateway: "line1-gw",
  host: "127.0.0.1",
  port: 4222,
  store: "/var/lib/linegate",
  maxFileBytes: 4e9,
  maxMemoryBytes: 68e6,
  gatewayKey: "UKEY",
  users: [],
  features: { syncInterval: false, bufferedMessages: false, denyImports: true },
};

const rendered = (input: Partial<ServerConfigInput>) => JSON.parse(serverConfig({ ...plain, ...input }));

test("a server that does not know a field is not told it", () => {
  expect(rendered({}).jetstream).toEqual({
    store_dir: "/var/lib/linegate",
    max_file_store: 4e9,
    max_memory_store: 68e6,
  });
  expect(
    rendered({ features: { syncInterval: true, bufferedMessages: false, denyImports: true } }).jetstream,
  ).toMatchObject({
    sync_interval: "always",
  });
});

test("port 0 asks the server for any free port", () => {
  expect(rendered({ port: 0 }).port).toBe(-1);
});

test("without users there is no authorization, with users the gateway has its key", () => {
  expect(rendered({}).authorization).toBeUndefined();
  const users = [{ name: "panel", passwordHash: "$2b$04$abc", publish: [], subscribe: ["data.>"] }];
  expect(rendered({ users }).authorization.users).toEqual([
    { nkey: "UKEY" },
    {
      user: "panel",
      password: "$2b$04$abc",
      permissions: { publish: { deny: [">"] }, subscribe: { allow: ["data.>"] } },
    },
  ]);
});

test("clients without a password are the user anonymous only where there is one", () => {
  const named = { name: "panel", passwordHash: "$2b$04$abc", publish: [], subscribe: [] };
  expect(rendered({ users: [named] }).no_auth_user).toBeUndefined();
  const users = [named, { name: "anonymous", publish: [], subscribe: ["data.>"] }];
  expect(rendered({ users }).no_auth_user).toBe("anonymous");
});

test("clients must show a certificate only where an authority is given", () => {
  const tls = { cert: "/c.pem", key: "/k.pem" };
  expect(rendered({ tls }).tls).toEqual({ cert_file: "/c.pem", key_file: "/k.pem" });
  expect(rendered({ tls: { ...tls, ca: "/ca.pem" } }).tls).toMatchObject({
    ca_file: "/ca.pem",
    verify: true,
  });
});

test("without a hub nothing of it stands in the configuration", () => {
  const config = rendered({});
  expect(config).not.toHaveProperty("leafnodes");
  expect(config).not.toHaveProperty("http");
  expect(config).toMatchObject({ ping_interval: "20s" });
  expect(config.jetstream).not.toHaveProperty("domain");
});

test("with a hub it is a leaf with a domain of its own, short pings, and takes nothing that a gateway makes", () => {
  const hub = hubRemote(
    { leaf: "nats-leaf://a:7422, tls://b:7422", domain: "hub", user: "line1-gw", ca: "ca.pem", accept: [] },
    "p@ss/",
    "/site",
  );
  const config = rendered({ hub });
  expect(config).toMatchObject({ http: "127.0.0.1:-1", ping_interval: "5s", ping_max: 2 });
  expect(config.jetstream.domain).toBe("line1-gw");
  expect(config.leafnodes.remotes).toEqual([
    {
      urls: ["nats-leaf://line1-gw:p%40ss%2F@a:7422", "tls://line1-gw:p%40ss%2F@b:7422"],
      tls: { ca_file: "/site/ca.pem" },
      deny_imports: [
        "data.>",
        "alert.>",
        "line.>",
        "event.>",
        "audit.>",
        "batch.>",
        "state.>",
        "bridge.>",
        "cmd.>",
      ],
    },
  ]);
});

test("where denials work both ways only what nobody hears live is denied", () => {
  const hub = hubRemote({ leaf: "nats-leaf://a:7422", domain: "hub", accept: [] }, undefined, "/site");
  const features = { syncInterval: true, bufferedMessages: true, denyImports: false };
  expect(rendered({ hub, features }).leafnodes.remotes[0].deny_imports).toEqual([
    "batch.>",
    "bridge.>",
    "cmd.>",
  ]);
});

test("commands of the hub come in where they are accepted, and nowhere else", () => {
  const hub = hubRemote({ leaf: "tls://a:7422", domain: "hub", accept: ["commands"] }, undefined, "/site");
  expect(rendered({ hub }).leafnodes.remotes[0]?.["deny_imports"]).not.toContain("cmd.>");
});

test("a certificate and a credentials file of the gateway's own are shown to the hub", () => {
  const hub = hubRemote(
    {
      leaf: "tls://a:7422",
      domain: "hub",
      credentials: "hub.creds",
      cert: "c.pem",
      key: "/etc/k.pem",
      accept: [],
    },
    undefined,
    "/site",
  );
  expect(rendered({ hub }).leafnodes.remotes[0]).toMatchObject({
    urls: ["tls://a:7422"],
    credentials: "/site/hub.creds",
    tls: { cert_file: "/site/c.pem", key_file: "/etc/k.pem" },
  });
});

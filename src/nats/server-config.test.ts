import { expect, test } from "vitest";
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
  features: { syncInterval: false, bufferedMessages: false },
};

const rendered = (input: Partial<ServerConfigInput>) => JSON.parse(serverConfig({ ...plain, ...input }));

test("a server that does not know a field is not told it", () => {
  expect(rendered({}).jetstream).toEqual({
    store_dir: "/var/lib/linegate",
    max_file_store: 4e9,
    max_memory_store: 68e6,
  });
  expect(rendered({ features: { syncInterval: true, bufferedMessages: false } }).jetstream).toMatchObject({
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

import { join } from "node:path";
import { DeliverPolicy, jetstream } from "@nats-io/jetstream";
import { connect, type ConnectionOptions } from "@nats-io/transport-node";
import { hash } from "bcrypt";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { natsUsers } from "../security/nats-permissions.ts";
import { certificates, keptLog, never, noServerHere, testPart, testServer } from "./testing.ts";

const embedded = { listen: "127.0.0.1:0", store: "data" };
const reader = async (name: string) => ({
  name,
  passwordHash: await hash("let me in", 4),
  publish: ["cmd.line1.>"],
  subscribe: ["data.>", "_INBOX.>"],
});

beforeEach(async (ctx) => {
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
});

test("a reader reads and asks, but publishes no data; a stranger is refused", async () => {
  const part = await testPart({ embedded }, { users: [await reader("panel")] });
  part.link.subscribe("cmd.>", (message) => message.respond("done"));
  const faked = vi.fn<() => void>();
  part.link.subscribe("data.>", faked);
  await part.start(never);
  await expect(client(part, {})).rejects.toThrow(/authorization violation/i);
  await expect(client(part, { user: "panel", pass: "wrong" })).rejects.toThrow(/authorization violation/i);
  const panel = await client(part, { user: "panel", pass: "let me in" });
  expect((await panel.request("cmd.line1.speed", "1")).string()).toBe("done");
  panel.publish("data.line1.fake", "1");
  panel.publish("cmd.line2.speed", "1");
  await panel.flush();
  await part.link.flush();
  expect(faked).not.toHaveBeenCalled();
});

test("a reader with the rights of gateway.yaml takes the snapshot of what it may read, and of nothing else", async () => {
  const user = { passwordHash: await hash("let me in", 4), read: ["data/line1/a/#"], publish: [], write: [] };
  const place = { gateway: "line1-gw", site: "line1", imageBucket: "images" };
  const part = await testPart({ embedded }, { users: natsUsers({ panel: user }, place) });
  await part.start(never);
  for (const tag of ["a.x", "a.y", "b.x"]) part.link.publish(`data.line1.${tag}`, Buffer.from(tag));
  await part.link.flush();
  const panel = await client(part, { user: "panel", pass: "let me in" });
  const snapshot = async (filter: string) => {
    const options = { deliver_policy: DeliverPolicy.LastPerSubject, filter_subjects: filter };
    const consumer = await jetstream(panel, { timeout: 5_000 }).consumers.get("LATEST", options);
    const messages = await consumer.fetch({ max_messages: 2, expires: 2_000 });
    const seen: string[] = [];
    for await (const message of messages) seen.push(message.string());
    return seen;
  };
  expect(await snapshot("data.line1.a.>")).toEqual(["a.x", "a.y"]);
  await expect(snapshot("data.line1.b.>")).rejects.toThrow(/permission|timeout/i);
});

test("clients without a password have the rights of anonymous, and no more", async () => {
  const anonymous = { name: "anonymous", publish: [], subscribe: ["data.>"] };
  const part = await testPart({ embedded }, { users: [await reader("panel"), anonymous] });
  const commands = vi.fn<() => void>();
  part.link.subscribe("cmd.>", commands);
  await part.start(never);
  const guest = await client(part, {});
  const received = new Promise((resolve) =>
    guest.subscribe("data.x", { callback: (_, m) => resolve(m.string()) }),
  );
  guest.publish("cmd.line1.speed", "1");
  await guest.flush();
  part.link.publish("data.x", Buffer.from("7"));
  expect(await received).toBe("7");
  expect(commands).not.toHaveBeenCalled();
});

test("rights that the gateway lacks on a server of somebody else's are told once for each kind", async () => {
  const server = await testServer({ users: [await reader("gateway")] });
  await server.start(never);
  const log = keptLog();
  const part = await testPart(
    { url: `127.0.0.1:${server.port}`, user: "gateway", password: "env:UNUSED" },
    { password: "let me in", log },
  );
  await part.start(never);
  await vi.waitFor(() => expect(part.link.state).toBe("connected"));
  for (let i = 0; i < 50; i++) part.link.publish(`data.tag${i}`, Buffer.from("1"));
  part.link.publish("other", Buffer.from("1"));
  const told = (subject: string) => log.lines.filter((line) => line.includes(`Publish to \\"${subject}`));
  await vi.waitFor(() => expect(told("other")).toHaveLength(1));
  expect(told("data.")).toHaveLength(1);
  expect(part.health().detail).toMatch(/LATEST is missing/);
});

test("TLS: the gateway talks to its own server whatever the certificate is named, strangers check it", async (ctx) => {
  const siteDir = await certificates(ctx.skip);
  const log = keptLog();
  const part = await testPart(
    { embedded: { ...embedded, tls: { cert: "server.pem", key: "server.key" } } },
    { siteDir, log },
  );
  await part.start(never);
  expect(part.health()).toEqual({ ok: true });
  expect(log.lines.filter((line) => !line.startsWith("info "))).toEqual([]);
  await expect(client(part, { timeout: 2_000 })).rejects.toThrow(/certificate/);
  const named = await testPart({ url: `tls://localhost:${part.server?.port}`, ca: "ca.pem" }, { siteDir });
  await named.start(never);
  await vi.waitFor(() => expect(named.health()).toEqual({ ok: true }));
  const misnamed = await testPart({ url: `tls://127.0.0.1:${part.server?.port}`, ca: "ca.pem" }, { siteDir });
  await misnamed.start(never);
  await vi.waitFor(() => expect(misnamed.health().detail).toMatch(/IP: 127.0.0.1 is not in the cert/));
});

test("TLS with an authority for clients: who shows no certificate is refused, the gateway is not", async (ctx) => {
  const siteDir = await certificates(ctx.skip, { names: "DNS:plant.example" });
  const tls = { cert: "server.pem", key: "server.key", ca: "ca.pem" };
  const part = await testPart({ embedded: { ...embedded, tls } }, { siteDir });
  await part.start(never);
  expect(part.health()).toEqual({ ok: true });
  const file = (name: string) => join(siteDir, name);
  const trusted = { caFile: file("ca.pem"), checkServerIdentity: () => undefined };
  await expect(client(part, { tls: trusted, timeout: 2_000 })).rejects.toThrow(
    /certificate|timeout|closed|reset|EPIPE/i,
  );
  const shown = { ...trusted, certFile: file("server.pem"), keyFile: file("server.key") };
  await (await client(part, { tls: shown })).flush();
});

test("with an authority for clients a certificate for servers only is told as the mistake it is", async (ctx) => {
  const siteDir = await certificates(ctx.skip, { uses: "serverAuth" });
  const tls = { cert: "server.pem", key: "server.key", ca: "ca.pem" };
  const part = await testPart({ embedded: { ...embedded, tls } }, { siteDir });
  await expect(part.start(never)).rejects.toThrow(/is for servers only.*clientAuth/);
});

async function client(part: Awaited<ReturnType<typeof testPart>>, options: ConnectionOptions) {
  const peer = await connect({ servers: `127.0.0.1:${part.server?.port}`, reconnect: false, ...options });
  onTestFinished(() => peer.close());
  return peer;
}

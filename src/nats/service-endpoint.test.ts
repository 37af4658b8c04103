import { connect, type NatsConnection } from "@nats-io/transport-node";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { systemClock } from "../adapter-kit/clock.ts";
import { GatewayError } from "../domain/errors.ts";
import { ServiceEndpoint, type Endpoint } from "./service-endpoint.ts";
import { never, noServerHere, testLink, testServer } from "./testing.ts";
import { signalTo } from "./processes-testing.ts";

beforeEach(async (ctx) => {
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
});

const echo: Endpoint = {
  name: "echo",
  subject: "scheduling.test-gw.echo",
  metadata: { takes: "anything" },
  handle: (request) => request,
};
const refuse: Endpoint = {
  name: "refuse",
  subject: "scheduling.test-gw.refuse",
  queueGroup: null,
  handle: async () => {
    throw new GatewayError("WRITE_REFUSED", "There is no\nstation there.");
  },
};
const common = {
  name: "scheduling",
  version: "0.1.0",
  metadata: { gateway: "test-gw" },
  id: expect.stringMatching(/^[a-z0-9]{22}$/),
};

test("every verb is answered on all three subjects, as ADR-32 has it", async () => {
  const { client, service } = await served();
  for (const verb of ["PING", "INFO", "STATS"]) {
    for (const scope of ["", ".scheduling", `.scheduling.${service.id}`]) {
      const type = `io.nats.micro.v1.${verb.toLowerCase()}_response`;
      expect(await ask(client, `$SRV.${verb}${scope}`)).toMatchObject({ ...common, type });
    }
  }
  await expect(client.request("$SRV.PING.other", "", { timeout: 5_000 })).rejects.toThrow(/no responders/i);
  expect(await ask(client, "$SRV.PING")).toEqual({ ...common, type: "io.nats.micro.v1.ping_response" });
  expect(await ask(client, "$SRV.INFO")).toEqual({
    ...common,
    type: "io.nats.micro.v1.info_response",
    description: "The line",
    endpoints: [
      { name: "echo", subject: echo.subject, queue_group: "q", metadata: { takes: "anything" } },
      { name: "refuse", subject: refuse.subject, queue_group: "", metadata: {} },
    ],
  });
});

test("requests, errors and the time they took are counted by endpoint, in whole nanoseconds", async () => {
  const { client } = await served();
  await client.request(echo.subject, "1");
  await client.request(echo.subject, "2");
  await client.request(refuse.subject, "");
  const stats = await ask(client, "$SRV.STATS.scheduling");
  expect(stats).toMatchObject({
    started: expect.stringMatching(/^\d{4}-.*Z$/),
    endpoints: [
      { name: "echo", num_requests: 2, num_errors: 0, last_error: "" },
      { name: "refuse", num_requests: 1, num_errors: 1, last_error: "There is no\nstation there." },
    ],
  });
  const [first] = stats.endpoints ?? [];
  expect(first?.processing_time).toBeGreaterThan(0);
  expect(first?.average_processing_time).toBe(Math.trunc((first?.processing_time ?? 0) / 2));
});

test("what a handler throws is a service error with its headers, and the code and sentence in the reply", async () => {
  const { client } = await served();
  const reply = await client.request(refuse.subject, "");
  expect(reply.json()).toEqual({
    ok: false,
    code: "WRITE_REFUSED",
    message: "There is no\nstation there.",
  });
  expect(reply.headers?.get("Nats-Service-Error-Code")).toBe("400");
  expect(reply.headers?.get("Nats-Service-Error")).toBe("There is no station there.");
});

test("of two instances one answers a request in the queue group, both a ping", async () => {
  const { client, link, port } = await served();
  const other = new ServiceEndpoint({ ...options(), link });
  other.start();
  await link.flush();
  expect(port).toBeGreaterThan(0);
  const replies = await client.requestMany("$SRV.PING.scheduling", "", { strategy: "stall", stall: 200 });
  const ids = new Set<string>();
  for await (const reply of replies) ids.add(reply.json<{ id: string }>().id);
  expect(ids.size).toBe(2);
  const answered: string[] = [];
  for await (const reply of await client.requestMany(echo.subject, "x", { strategy: "stall", stall: 200 }))
    answered.push(reply.string());
  expect(answered).toEqual(["x"]);
});

test("a service goes on after the server died, and is gone when it is stopped", async () => {
  const { service, link, server } = await served();
  signalTo(server.pid, "SIGKILL");
  await vi.waitFor(() => expect(link.counters.connects).toBe(2));
  await link.flush();
  const client = await clientOf(server.port);
  expect((await client.request(echo.subject, "back")).string()).toBe("back");
  service.stop();
  await link.flush();
  await expect(client.request("$SRV.PING", "", { timeout: 5_000 })).rejects.toThrow(/no responders/i);
  await expect(client.request(echo.subject, "")).rejects.toThrow(/no responders/i);
});

function options() {
  return {
    name: "scheduling",
    version: "0.1.0",
    description: "The line",
    metadata: { gateway: "test-gw" },
    endpoints: [echo, refuse],
    clock: systemClock,
    random: Math.random,
  };
}

async function served() {
  const server = await testServer();
  const link = testLink();
  await server.start(never);
  const service = new ServiceEndpoint({ ...options(), link });
  service.start();
  link.start(() => ({ url: `nats://127.0.0.1:${server.port}` }));
  await vi.waitFor(() => expect(link.state).toBe("connected"));
  return { server, link, service, port: server.port, client: await clientOf(server.port) };
}

async function clientOf(port: number): Promise<NatsConnection> {
  const client = await connect({ servers: `127.0.0.1:${port}` });
  onTestFinished(() => client.close());
  return client;
}

interface Described {
  readonly endpoints?: readonly { processing_time: number; average_processing_time: number }[];
}

async function ask(client: NatsConnection, subject: string): Promise<Described> {
  return (await client.request(subject, "")).json<Described>();
}

import { connect, headers, type NatsConnection } from "@nats-io/transport-node";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { run } from "../../cli/verify.ts";
import { never, noServerHere, testServer } from "../../nats/testing.ts";
import { verifyHub } from "./verify-hub.ts";

beforeEach(async (ctx) => {
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
});

/** A server with streams of the hub's names, that are filled directly. */
async function hub() {
  const server = await testServer();
  await server.start(never);
  const url = `nats://127.0.0.1:${server.port}`;
  const connection = await connect({ servers: url });
  onTestFinished(() => connection.close());
  for (const [name, subject] of [
    ["BATCHES", "batch.>"],
    ["EVENTS", "event.>"],
  ]) {
    const config = {
      name,
      subjects: [subject],
      storage: "memory",
      retention: "limits",
      max_bytes: 20_000_000,
    };
    await connection.request(`$JS.API.STREAM.CREATE.${name}`, JSON.stringify(config));
  }
  return { url, connection };
}

async function put(connection: NatsConnection, number: number, batch?: number): Promise<void> {
  const header = headers();
  header.set("Nats-Msg-Id", `gw:e1:${number}`);
  if (batch !== undefined) {
    header.set("Linegate-Stream", "process");
    header.set("Linegate-Batch", String(batch));
  }
  await connection.request(batch === undefined ? "event.a" : "batch.gw.process", "payload", {
    headers: header,
    timeout: 5_000,
  });
}

test("more than is asked for at once is read to its end, with what is missing", async () => {
  const { url, connection } = await hub();
  const numbers = Array.from({ length: 2_500 }, (_, index) => index + 1).filter((number) => number !== 1_777);
  await Promise.all(numbers.map((number) => put(connection, number, number)));
  await put(connection, 2_501);
  await connection.request("event.b", "of somebody else");
  expect(await verifyHub(connection)).toEqual({
    ok: false,
    streams: [
      {
        gateway: "gw",
        stream: "process",
        batches: 2_499,
        first: 1,
        last: 2_500,
        gaps: 1,
        missing: ["1777"],
        duplicates: 0,
        reorderings: 0,
      },
      expect.objectContaining({ stream: "EVENTS", batches: 1, gaps: 0 }),
    ],
    foreign: { batches: 0, events: 1 },
    behind: [],
  });
  const log = vi.spyOn(console, "log").mockReturnValue();
  onTestFinished(() => log.mockRestore());
  expect(await run(["--hub", url])).toBe(1);
  expect(String(log.mock.lastCall?.[0])).toContain("missing of gw process: 1777");
});

test("a hub that holds nothing is whole; one without the streams is told how to get them", async () => {
  const { connection } = await hub();
  expect(await verifyHub(connection)).toMatchObject({ ok: true, streams: [] });
  await connection.request("$JS.API.STREAM.DELETE.EVENTS");
  await expect(verifyHub(connection)).rejects.toThrow("linegate hub apply makes the hub's streams");
});

test("messages that were removed at the front and in the middle don't keep it waiting", async () => {
  const { connection } = await hub();
  for (let number = 1; number <= 5; number += 1) await put(connection, number, number);
  for (const seq of [1, 3, 5]) {
    await connection.request("$JS.API.STREAM.MSG.DELETE.BATCHES", JSON.stringify({ seq }));
  }
  expect(await verifyHub(connection)).toMatchObject({
    streams: [{ batches: 2, first: 2, last: 4, gaps: 1, missing: ["3"] }],
  });
});

import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test, vi } from "vitest";
import { ms } from "../../domain/duration.ts";
import { FakeClock } from "../testing.ts";
import type { DescribedAlert } from "./describe.ts";
import { Webhooks } from "./webhooks.ts";

/** A far side that answers with these, the last one for ever; 0: not at all. */
async function farSide(...statuses: readonly number[]) {
  const seen: { body: unknown; headers: IncomingMessage["headers"] }[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      seen.push({ body: JSON.parse(body), headers: request.headers });
      const status = statuses[Math.min(seen.length, statuses.length) - 1] ?? 200;
      if (status !== 0) response.writeHead(status).end("thanks");
    });
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { seen, url: `http://127.0.0.1:${port}/alerts` };
}

const alert = {
  alert: "overpressure",
  state: "unacknowledged",
  on: "raised",
} as unknown as DescribedAlert & {
  on: string;
};
const open = { sequence: 7, index: 0, on: "raised", at: 0 } as const;

function hooksOn(clock: FakeClock) {
  const began = clock.now();
  const hooks = new Webhooks({
    gateway: "line1-gw",
    clock,
    random: () => 0.5,
    steady: () => clock.now() - began,
    secret: async (given) => Promise.resolve(given === "env:TOKEN" ? "Bearer s3cret" : given),
  });
  onTestFinished(() => hooks.stop());
  return hooks;
}

const hookTo = (url: string) => ({
  on: "raised" as const,
  kind: "webhook" as const,
  url,
  headers: { Authorization: "env:TOKEN" },
  timeout: ms(2_000),
  retryFor: ms(60_000),
});

test("an alert is posted as JSON, with its secret and a key that repetitions share", async () => {
  const { seen, url } = await farSide(204);
  expect(await hooksOn(new FakeClock()).post(hookTo(url), alert, open)).toEqual({ end: "done" });
  expect(seen).toMatchObject([
    {
      body: { gateway: "line1-gw", alert: "overpressure", state: "unacknowledged", on: "raised" },
      headers: {
        authorization: "Bearer s3cret",
        "idempotency-key": "line1-gw-overpressure-7-0",
        "content-type": "application/json",
      },
    },
  ]);
});

test("a far side that fails is asked again with growing pauses until it takes it", async () => {
  const { seen, url } = await farSide(500, 503, 200);
  const clock = new FakeClock();
  const posted = hooksOn(clock).post(hookTo(url), alert, open);
  await vi.waitFor(() => expect(seen).toHaveLength(1));
  await vi.waitFor(async () => {
    await clock.pass(500);
    expect(seen).toHaveLength(3);
  });
  expect(await posted).toEqual({ end: "done" });
  expect(new Set(seen.map(({ headers }) => headers["idempotency-key"])).size).toBe(1);
});

test("a far side that says no is not asked again", async () => {
  const { seen, url } = await farSide(401);
  const end = await hooksOn(new FakeClock()).post(hookTo(url), alert, open);
  expect(end).toEqual({ end: "failed", message: `${url} did not take it: it answered 401` });
  expect(seen).toHaveLength(1);
});

test("when its time is over it is given up, with what went wrong", async () => {
  const { url } = await farSide(500);
  const clock = new FakeClock();
  const posted = hooksOn(clock).post({ ...hookTo(url), retryFor: ms(2_000) }, alert, open);
  let end: unknown;
  void posted.then((given) => (end = given));
  await vi.waitFor(async () => {
    await clock.pass(500);
    expect(end).toMatchObject({ end: "failed" });
  });
});

test("a far side that never answers is left after the timeout", async () => {
  const { seen, url } = await farSide(0);
  const hook = { ...hookTo(url), timeout: ms(1_000), retryFor: ms(0) };
  const end = await hooksOn(new FakeClock()).post(hook, alert, open);
  expect(end).toMatchObject({ end: "failed", message: expect.stringContaining("timeout") });
  expect(seen).toHaveLength(1);
});

test("a storm is posted a few at a time, and all of it", async () => {
  const { seen, url } = await farSide(200);
  const hooks = hooksOn(new FakeClock());
  const posts = Array.from({ length: 20 }, (_, sequence) =>
    hooks.post(hookTo(url), alert, { ...open, sequence }),
  );
  expect(await Promise.all(posts)).toEqual(posts.map(() => ({ end: "done" })));
  expect(seen).toHaveLength(20);
});

test("a stop leaves what is under way for the restart, and holds nothing up", async () => {
  const { seen, url } = await farSide(0);
  const hooks = hooksOn(new FakeClock());
  const posts = Array.from({ length: 10 }, (_, sequence) =>
    hooks.post(hookTo(url), alert, { ...open, sequence }),
  );
  await vi.waitFor(() => expect(seen.length).toBe(4));
  hooks.stop();
  expect(await Promise.all(posts)).toEqual(posts.map(() => ({ end: "left" })));
});

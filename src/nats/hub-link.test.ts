import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { renderMetrics } from "../observability/exposition.ts";
import { HubLink, type HubStatus } from "./hub-link.ts";
import { hubMetrics } from "./hub-metrics.ts";
import { leafFaultIn, type LeafFault } from "./leaf-fault.ts";
import { keptLog } from "./testing.ts";

/** A monitoring that says what the test wants, and a clock that looks again as soon as it is asked. */
async function monitored() {
  const answer = { leafs: [] as object[] };
  const server = createServer((_, response) => response.end(JSON.stringify(answer)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const time = { now: 1_000 };
  const clock = {
    now: () => time.now,
    monotonic: () => time.now,
    sleep: () => new Promise<void>((resolve) => setTimeout(resolve, 1)),
  };
  const statuses: HubStatus[] = [];
  const log = keptLog();
  const monitor: { port: number | undefined; fault?: LeafFault | undefined } = { port };
  const link = new HubLink({
    monitorPort: () => monitor.port,
    fault: () => monitor.fault,
    onStatus: (one) => statuses.push(one),
    log,
    clock,
  });
  const stopping = new AbortController();
  const running = link.run(stopping.signal);
  onTestFinished(async () => {
    stopping.abort();
    await running;
    server.close();
  });
  return { answer, time, statuses, log, link, monitor };
}

test("a connection is told when it comes and when it goes, once each, with its times", async () => {
  const { answer, time, statuses, log, link } = await monitored();
  expect(link.status).toEqual({ connected: false, since: 1_000 });
  time.now = 2_000;
  answer.leafs = [{ name: "hub-1", ip: "10.0.0.1", port: 7_422, rtt: "1.25ms", in_msgs: 3, out_msgs: 40 }];
  await expect.poll(() => link.status.connected).toBe(true);
  expect(link.status).toEqual({ connected: true, since: 2_000, server: "hub-1", roundTripMs: 1.25 });
  expect(link.health()).toEqual({
    ok: true,
    detail: "connected to hub-1 since 1970-01-01T00:00:02.000Z, round trip 1.25 ms",
  });
  time.now = 3_000;
  answer.leafs = [{ name: "hub-1", rtt: "2ms" }];
  await expect.poll(() => link.status.roundTripMs).toBe(2);
  expect(link.status.since).toBe(2_000);
  answer.leafs = [];
  await expect.poll(() => link.status).toEqual({ connected: false, since: 3_000 });
  expect(link.health()).toEqual({ ok: false, detail: "no connection since 1970-01-01T00:00:03.000Z" });
  expect(log.lines.map((line) => line.split(" ")[0])).toEqual(["info", "warn"]);
  const changes = statuses
    .map(({ connected }) => connected)
    .filter((one, index, all) => one !== all[index - 1]);
  expect(changes).toEqual([false, true, false]);
});

test("why there is no connection is told, and that another gateway of the name pushes this one out", async () => {
  const { answer, time, link, monitor } = await monitored();
  monitor.fault = leafFaultIn("10.0.0.1:7422 - lid:5 - Leafnode Error 'Authorization Violation'", 1_000);
  expect(link.health().detail).toMatch(/^no connection since .*: the hub refuses the user or the password/);
  answer.leafs = [{ name: "hub-1", rtt: "1ms" }];
  await expect.poll(() => link.status.connected).toBe(true);
  expect(link.health()).toMatchObject({ ok: true });
  const twin = "10.0.0.1:7422 - lid:5 - Leafnode Error 'Duplicate Remote LeafNode Connection'";
  monitor.fault = leafFaultIn(twin, 1_000);
  expect(link.health()).toMatchObject({
    ok: false,
    detail: expect.stringContaining("another gateway of the same name"),
  });
  time.now = 62_000;
  expect(link.health()).toMatchObject({ ok: true });
});

test.each([
  ["350µs", 0.35],
  ["2.5s", 2_500],
  ["800ns", 0.001],
  ["soon", undefined],
])("a round trip of %s is %d ms", async (rtt, ms) => {
  const { answer, link } = await monitored();
  answer.leafs = [{ ip: "10.0.0.1", port: 7_422, rtt }];
  await expect.poll(() => link.status.connected).toBe(true);
  expect(link.status.roundTripMs).toBe(ms);
  expect(link.status.server).toBe("10.0.0.1:7422");
});

test("a server that does not run, or does not answer, has no connection", async () => {
  const { answer, link, monitor } = await monitored();
  answer.leafs = [{ name: "hub-1" }];
  await expect.poll(() => link.status.connected).toBe(true);
  monitor.port = undefined;
  await expect.poll(() => link.status.connected).toBe(false);
  monitor.port = 1;
  await expect.poll(() => link.health().detail).toContain("connect ECONNREFUSED");
});

test("the link is in the metrics", async () => {
  const { answer, link } = await monitored();
  answer.leafs = [{ name: "hub-1", rtt: "2ms", in_msgs: 3, out_msgs: 40 }];
  await expect.poll(() => link.status.connected).toBe(true);
  const page = renderMetrics(hubMetrics(link));
  for (const line of ["connected 1", "round_trip_seconds 0.002", "sent_messages 40", "connects_total 1"]) {
    expect(page).toContain(`linegate_hub_${line}\n`);
  }
});

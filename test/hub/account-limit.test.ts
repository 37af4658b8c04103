import { beforeEach, expect, test } from "vitest";
import { noServerHere } from "../../src/nats/testing.ts";
import { hubConfigOfDocs, HubServer } from "../fixture/hub.ts";
import { applyFleet } from "../fixture/hub-edge.ts";

beforeEach(async (ctx) => {
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
});

test("streams that do not fit the hub's account are not made: what came beyond its limit would be passed over", async () => {
  const hub = await HubServer.prepare("hub-1");
  const limits = "{ max_file: 4MB, max_mem: 1MB, max_streams: 10, max_consumers: 100 }";
  const accounts = hubConfigOfDocs("accounts.conf").replace("jetstream: enabled", `jetstream: ${limits}`);
  await hub.start("hub.conf", [hub], { accounts });
  const refused = await applyFleet([hub], "gateways: [line1-gw]\n");
  expect(refused).toMatchObject({ code: 1, stdout: "" });
  expect(refused.stderr).toContain("The hub's account may store");
  expect(refused.stderr).toContain("set `batches.maxBytes` and `events.maxBytes`");
  const fitting = "gateways: [line1-gw]\nbatches: { maxBytes: 2MB }\nevents: { maxBytes: 1MB }\n";
  const made = await applyFleet([hub], fitting);
  expect(made.code).toBe(0);
  expect(JSON.parse(made.stdout)).toMatchObject({
    streams: [
      { stream: "BATCHES", action: "create" },
      { stream: "EVENTS", action: "create" },
    ],
  });
});

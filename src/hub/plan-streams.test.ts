import { expect, test } from "vitest";
import { fleetSchema } from "../config/fleet-schema.ts";
import type { StreamInfo } from "../nats/jetstream-api.ts";
import { hubStreams, planStream, type GatewayStreams } from "./plan-streams.ts";

const [batches] = hubStreams;
const now = Date.parse("2026-06-01T00:00:00Z");

function planOf(fleet: object, gateways: GatewayStreams, found?: StreamInfo) {
  return planStream(batches, fleetSchema.parse({ gateways: ["a"], ...fleet }), gateways, found, now);
}

/** The stream as it stands after a plan was carried out. */
function made(fleet: object, gateways: GatewayStreams, state: Partial<StreamInfo["state"]> = {}): StreamInfo {
  const { config } = planOf(fleet, gateways);
  return { created: "", config, state: { bytes: 0, first_seq: 1, last_seq: 0, ...state } };
}

const a: GatewayStreams = new Map([["a", ["BATCHES", "EVENTS", "LATEST"]]]);

test("a new stream takes over every gateway's, and every incarnation that is there", () => {
  const gateways: GatewayStreams = new Map([
    ["a", ["BATCHES", "BATCHES_2", "BATCHES_old", "EVENTS"]],
    ["b", undefined],
  ]);
  const { action, config } = planOf({ replicas: 3 }, gateways);
  expect(action).toBe("create");
  expect(config).toMatchObject({ subjects: [], retention: "limits", num_replicas: 3, max_bytes: -1 });
  expect(config.sources).toEqual([
    { name: "BATCHES", external: { api: "$JS.a.API" } },
    { name: "BATCHES_2", external: { api: "$JS.a.API" } },
    { name: "BATCHES", external: { api: "$JS.b.API" } },
  ]);
});

test("what is as it should be is left alone", () => {
  expect(planOf({}, a, made({}, a))).toMatchObject({ action: "none", changes: [] });
});

test("a gateway that came, an incarnation and new limits are changes, told one by one", () => {
  const more: GatewayStreams = new Map([
    ["a", ["BATCHES", "BATCHES_2"]],
    ["b", undefined],
  ]);
  const plan = planOf({ batches: { maxBytes: "1GB", maxAge: "90d" } }, more, made({}, a));
  expect(plan).toMatchObject({
    action: "update",
    changes: [
      "maxBytes unlimited → 1000000000B",
      "maxAge unlimited → 7776000s",
      "source BATCHES_2 of a added",
      "source BATCHES of b added",
    ],
  });
});

test("a source is never taken away, though its gateway is not in the file any more", () => {
  const b: GatewayStreams = new Map([["b", []]]);
  expect(planOf({}, b, made({}, a)).config.sources?.map(({ external }) => external?.api)).toEqual([
    "$JS.a.API",
    "$JS.b.API",
  ]);
});

test.each([
  [{ batches: { maxBytes: "1MB" } }, "maxBytes would remove messages: it holds 2000000 bytes"],
  [{ batches: { maxAge: "1d" } }, "maxAge would remove messages: its oldest is of 2026-05-01"],
])("%j is refused where it would remove messages", (fleet, problem) => {
  const found = made({}, a, { bytes: 2_000_000, first_ts: "2026-05-01T00:00:00Z" });
  expect(planOf(fleet, a, found)).toMatchObject({
    action: "refuse",
    problem: expect.stringContaining(problem),
  });
});

test.each([
  [{ subjects: ["batch.>"] }, "it takes batch.> itself"],
  [{ retention: "workqueue" as const }, "its retention is workqueue"],
  [{ storage: "memory" as const }, "its storage is memory"],
])("a stream of that name that is another one is left alone: %j", (other, problem) => {
  const found = made({}, a);
  const plan = planOf({}, a, { ...found, config: { ...found.config, ...other } });
  expect(plan).toMatchObject({ action: "refuse", problem: expect.stringContaining(problem) });
});

import { expect, test } from "vitest";
import { byteSize } from "../domain/byte-size.ts";
import { fleetSchema } from "../config/fleet-schema.ts";
import type { StreamInfo } from "../nats/jetstream-api.ts";
import { planIntake } from "./plan-intake.ts";
import { hubStreams, planStream } from "./plan-streams.ts";

const [batches, events] = hubStreams;
const forwarder = { gateway: "line3-gw", site: "plant1/line3", maxBytes: byteSize(256_000_000) };
const fleet = fleetSchema.parse({
  gateways: [],
  replicas: 3,
  forwarders: [{ gateway: "line3-gw", site: "plant1/line3" }],
});

function made(config: Partial<StreamInfo["config"]> = {}): StreamInfo {
  const { config: wanted } = planIntake(events, forwarder, fleet, undefined);
  return { created: "", config: { ...wanted, ...config }, state: { bytes: 0, first_seq: 1, last_seq: 0 } };
}

test("a forwarder's streams take its own subjects alone and no age, and the hub's take over from them", () => {
  const plan = planIntake(events, forwarder, fleet, undefined);
  expect(plan).toMatchObject({ action: "create", stream: "EVENTS-from-line3-gw" });
  expect(plan.config).toMatchObject({ retention: "limits", discard: "old", max_age: 0, num_replicas: 3 });
  expect(plan.config.subjects).toEqual([
    "alert.plant1.line3.>",
    "line.plant1.line3.>",
    "event.plant1.line3.>",
    "audit.line3-gw.>",
  ]);
  expect(planIntake(batches, forwarder, fleet, undefined).config.subjects).toEqual(["batch.line3-gw.>"]);
  expect(planStream(events, fleet, new Map(), undefined, 0).config.sources).toEqual([
    { name: "EVENTS-from-line3-gw" },
  ]);
});

test("what is as it should be is left alone, another place is a change, and another stream is refused", () => {
  expect(planIntake(events, forwarder, fleet, made())).toMatchObject({ action: "none", changes: [] });
  const moved = planIntake(events, { ...forwarder, site: "plant2" }, fleet, made());
  expect(moved.action).toBe("update");
  expect(moved.changes).toContain("takes alert.plant2.>");
  expect(planIntake(events, forwarder, fleet, made({ retention: "workqueue" }))).toMatchObject({
    action: "refuse",
    problem: expect.stringContaining("workqueue"),
  });
});

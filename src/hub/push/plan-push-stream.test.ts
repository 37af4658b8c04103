import { expect, test } from "vitest";
import { fleetSchema } from "../../config/fleet-schema.ts";
import type { StreamInfo } from "../../nats/jetstream-api.ts";
import { planPushStream } from "./plan-push-stream.ts";

const fleetOf = (push: object | undefined, replicas = 1) =>
  fleetSchema.parse({ gateways: ["a"], replicas, ...(push === undefined ? {} : { push }) });

function made(bytes = 0): StreamInfo {
  const plan = planPushStream(fleetOf({}), undefined);
  if (plan === undefined) throw new Error("no plan");
  return { created: "", config: plan.config, state: { bytes, first_seq: 1, last_seq: 0 } };
}

test("without push in the fleet file there is no such stream", () => {
  expect(planPushStream(fleetOf(undefined), undefined)).toBeUndefined();
});

test("a new one keeps the last of each subject, refuses what does not fit, and is read by subject", () => {
  expect(planPushStream(fleetOf({ maxBytes: "20MB" }, 3), undefined)).toMatchObject({
    action: "create",
    config: {
      max_msgs_per_subject: 1,
      discard: "new",
      allow_direct: true,
      max_bytes: 20_000_000,
      num_replicas: 3,
    },
  });
});

test("what is as it should be is left alone; limits are changed and told", () => {
  expect(planPushStream(fleetOf({}), made())).toMatchObject({ action: "none", changes: [] });
  expect(planPushStream(fleetOf({ maxBytes: "2GB" }), made())).toMatchObject({
    action: "update",
    changes: ["maxBytes 1000000000 → 2000000000"],
  });
});

test("another program's stream, and a limit under what it holds, are left alone", () => {
  const found = made(5_000_000);
  const other = { ...found, config: { ...found.config, subjects: ["push.>"] } };
  expect(planPushStream(fleetOf({}), other)).toMatchObject({
    action: "refuse",
    problem: expect.stringContaining("push.>"),
  });
  expect(planPushStream(fleetOf({ maxBytes: "1MB" }), found)).toMatchObject({ action: "refuse" });
});

import { expect, test } from "vitest";
import { fleetSchema } from "../config/fleet-schema.ts";
import { roomProblem } from "./account-room.ts";

const fleet = (rest: object) => fleetSchema.parse({ gateways: ["a"], ...rest });
const limited = { batches: { maxBytes: "2MB" }, events: { maxBytes: "1MB" } };

test.each([
  ["no limit of the account", {}, -1],
  ["an account of tiers", {}, undefined],
  ["streams that fit", limited, 3_000_000],
  ["streams that fit with their copies", { ...limited, replicas: 3 }, 9_000_000],
  ["a push stream that fits", { ...limited, push: { maxBytes: "1MB" } }, 4_000_000],
])("%s is no problem", (_, rest, limit) => {
  expect(roomProblem(fleet(rest), limit)).toBeUndefined();
});

test.each([
  ["streams without a limit", {}, 3_000_000, "set `batches.maxBytes` and `events.maxBytes`"],
  ["one stream without a limit", { batches: { maxBytes: "2MB" } }, 9_000_000, "set `batches.maxBytes`"],
  ["streams beyond it", limited, 2_999_999, "may take 3000000 bytes together"],
  ["copies beyond it", { ...limited, replicas: 3 }, 8_000_000, "on 3 servers may take 9000000 bytes"],
  ["a push stream beyond it", { ...limited, push: {} }, 4_000_000, "may take 1003000000 bytes"],
  [
    "forwarders' intakes, two each",
    { ...limited, forwarders: [{ gateway: "b", site: "x", maxBytes: "1MB" }] },
    4_000_000,
    "may take 5000000 bytes",
  ],
])("%s: refused, with what to do", (_, rest, limit, text) => {
  expect(roomProblem(fleet(rest), limit)).toContain(text);
});

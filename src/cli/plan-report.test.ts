import { expect, test } from "vitest";
import type { BusPlan } from "../adapter-kit/plan.ts";
import { planReport } from "./plan-report.ts";

const bus: BusPlan = {
  bus: "tcp 127.0.0.1:1502",
  devices: [
    {
      device: "press-1",
      groups: [
        {
          group: "fast",
          intervalMs: 50,
          requests: [{ text: "FC 2 read discrete inputs 0..3", tags: ["a", "b"], costMs: 5.04 }],
        },
        {
          group: "normal",
          intervalMs: 1_000,
          requests: [
            { text: "FC 3 read holding registers 40..57", tags: ["c"], costMs: 5.18 },
            { text: "FC 4 read input registers 0..5", tags: ["d", "e"], costMs: 12.5 },
          ],
        },
      ],
    },
  ],
  load: 0.119,
  requestsPerSecond: 21,
  cycleMs: 22.72,
  warnings: ["poll group fast of press-1 is late at times"],
};

test("a plan shows each request with its group, interval, tags and cost, and each bus with its load", () => {
  expect(planReport([bus], ["agv-1"])).toBe(
    [
      "tcp 127.0.0.1:1502: 3 requests, 21.0 a second, load 11.9 %, one round of all 22.7 ms",
      "  DEVICE   GROUP   EVERY  REQUEST                             TAGS     COST",
      "  press-1  fast     50ms  FC 2 read discrete inputs 0..3         2  5.04 ms",
      "  press-1  normal     1s  FC 3 read holding registers 40..57     1  5.18 ms",
      "                          FC 4 read input registers 0..5         2  12.5 ms",
      "  warning: poll group fast of press-1 is late at times",
      "",
      "Not polled: agv-1",
    ].join("\n"),
  );
});

test("a plan shows how long a write or an event tag waits at most, where it is known", () => {
  const report = planReport([{ ...bus, worstWait: { answeredMs: 5.34, unansweredMs: 512.25 } }], []);
  expect(report.split("\n")[1]).toBe(
    "  a write or event tag waits at most 5.34 ms for the request under way, 512.3 ms where a unit is silent",
  );
});

test("a site without polled devices says so", () => {
  expect(planReport([], [])).toBe("No device is polled.");
});

import { expect, test } from "vitest";
import { cameraOf, inspectionTags } from "./mapping-fixture.ts";
import { planCameras } from "./plan.ts";

test("the tags of one URL share a request, and cameras that send by themselves are asked for nothing", () => {
  const polled = cameraOf(
    { ...inspectionTags, state: { url: "/state", pointer: "/on" }, image: { image: true, url: "/i" } },
    { transport: "http-poll", url: "http://127.0.0.1:8101/r" },
  );
  const plans = planCameras([polled, cameraOf(inspectionTags, { transport: "http-push" })]);
  expect(plans).toMatchObject([{ bus: "http 127.0.0.1:8101", requestsPerSecond: 100, warnings: [] }]);
  expect(plans[0]?.devices[0]?.groups[0]?.requests).toMatchObject([
    { text: "GET /r", tags: Object.keys(inspectionTags) },
    { text: "GET /state", tags: ["state"] },
  ]);
});

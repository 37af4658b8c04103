import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { siteFolder } from "../config/test-site.ts";
import { run as hub } from "./hub.ts";
import { run as verify } from "./verify.ts";

test.each([[["apply"]], [["aply", "fleet.yaml"]], [["apply", "fleet.yaml", "more"]]])(
  "hub %j is told to be wrong",
  async (args) => {
    await expect(hub(args)).rejects.toThrow("linegate hub takes apply, push, roll-back or status");
  },
);

test("verify without an address is told to be wrong", async () => {
  await expect(verify([])).rejects.toThrow("takes the address of the hub");
});

test("a fleet file with mistakes changes nothing: each is told with line and column", async () => {
  const dir = await siteFolder({ "fleet.yaml": "gateways: [a, a]\nreplicas: 9\n" });
  const error = vi.spyOn(console, "error").mockReturnValue();
  onTestFinished(() => error.mockRestore());
  // Nobody listens on port 1: it is not even dialled.
  expect(await hub(["apply", join(dir, "fleet.yaml"), "--url", "nats://127.0.0.1:1"])).toBe(1);
  const said = String(error.mock.lastCall?.[0]);
  expect(said).toContain("fleet.yaml:1:15  gateways.1: the gateway a stands twice");
  expect(said).toContain("fleet.yaml:2:11  replicas: 9 is not allowed here");
});

test("a hub that is away is named, after each of its servers was tried", async () => {
  const dir = await siteFolder({ "fleet.yaml": "gateways: [a]\n" });
  const url = "nats://127.0.0.1:1,nats://127.0.0.1:2";
  await expect(hub(["apply", join(dir, "fleet.yaml"), "--url", url])).rejects.toMatchObject({
    code: "UPLINK_UNAVAILABLE",
    message: expect.stringContaining("nats://127.0.0.1:2"),
  });
});

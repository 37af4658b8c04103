import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { siteFolder } from "../config/test-site.ts";
import { run as hub } from "./hub.ts";
import { run as verify } from "./verify.ts";

test.each([
  [[], "linegate hub takes apply, push, roll-back or status."],
  [["aply", "fleet.yaml"], "Did you mean apply?"],
  [["apply"], "linegate hub apply takes a fleet file"],
  [["apply", "fleet.yaml", "more"], "linegate hub apply takes a fleet file"],
  [["push", "line1-gw"], "takes a gateway and a folder or file"],
  [["push", "line1-gw", "/nowhere"], "There is no file or folder /nowhere"],
  [["push", "line1-gw", import.meta.filename, "--as", "../x.yaml"], "is no place where the hub puts files"],
  [["push", "line1-gw", import.meta.dirname], "holds nothing that can be put"],
  [["push", "line1-gw", import.meta.dirname, "--wait", "soon"], "a duration such as 30s"],
  [["roll-back"], "takes a gateway"],
])("hub %j is told to be wrong", async (args, message) => {
  await expect(hub(args)).rejects.toThrow(message);
});

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

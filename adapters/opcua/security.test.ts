import { readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { connected, deviceAt, folder, press, simulated } from "./testing.ts";

const tags = { pressure: { node: press("Pressure") } };
const user = { user: "operator", password: "env:PASSWORD" };
const secret = async () => "hunter2";

test("an unknown server is refused and its certificate kept aside; moved to trusted, it is let in", async () => {
  const simulator = await simulated({ security: "required", users: { operator: "hunter2" } });
  const pki = await folder();
  const device = deviceAt(simulator.endpoint, tags, { connection: { security: {}, ...user } });
  const attempt = () => connected(device, { files: { folder: pki, secret } });
  await expect(attempt()).rejects.toMatchObject({ code: "DEVICE_REJECTED" });
  const [name = ""] = await readdir(join(pki, "opcua", "rejected"));
  await expect(attempt()).rejects.toThrow(
    `move ${join(pki, "opcua", "rejected", name)} to ${join(pki, "opcua", "trusted")}`,
  );
  await rename(join(pki, "opcua", "rejected", name), join(pki, "opcua", "trusted", name));
  const own = await readdir(join(pki, "opcua", "own"));
  await attempt();
  expect(await readdir(join(pki, "opcua", "own"))).toEqual(own);
});

test.each(["basic256sha256", "aes128-sha256-rsaoaep", "aes256-sha256-rsapss"])(
  "%s: signed, signed and encrypted, and a wrong password refused",
  async (policy) => {
    const simulator = await simulated({ security: "required", users: { operator: "hunter2" } });
    const pki = await folder();
    for (const mode of ["sign", "sign-and-encrypt"]) {
      const security = { policy, mode, trust: "on-first-use" };
      const device = deviceAt(simulator.endpoint, tags, { connection: { security, ...user } });
      const { adapter } = await connected(device, { files: { folder: pki, secret } });
      expect(await adapter.read?.(["pressure"], AbortSignal.timeout(5_000))).toMatchObject([
        { value: 182.5 },
      ]);
      await adapter.close();
      const wrong = connected(device, { files: { folder: pki, secret: async () => "wrong" } });
      await expect(wrong).rejects.toThrow("refuses the user");
    }
  },
);

test("no security only where it is asked for by name", async () => {
  const simulator = await simulated();
  const device = deviceAt(simulator.endpoint, tags, { connection: { security: {} } });
  await expect(connected(device)).rejects.toThrow("say so: `security: { policy: none }`");
});

test("a second certificate of a server that was trusted on first use is refused", async () => {
  const pki = await folder();
  const first = await simulated({ security: "required" });
  const connection = { security: { trust: "on-first-use" } };
  await (
    await connected(deviceAt(first.endpoint, tags, { connection }), { files: { folder: pki } })
  ).adapter.close();
  const { port } = first;
  await first.stop();
  const second = await simulated({ security: "required", port });
  const again = connected(deviceAt(second.endpoint, tags, { connection }), { files: { folder: pki } });
  await expect(again).rejects.toMatchObject({ code: "DEVICE_REJECTED" });
});

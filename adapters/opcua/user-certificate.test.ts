import { generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import { readSecret } from "../../src/security/read-secret.ts";
import { connected, deviceAt, folder, press, simulated, userPems } from "./testing.ts";

const tags = { pressure: { node: press("Pressure") } };

/** A server that lets in `trusted`, and a way to log in there with other certificates. */
async function gate(trusted: readonly string[], policy?: string) {
  const { endpoint } = await simulated({ security: "both", users: {}, userCertificates: trusted });
  const own = await folder();
  const connection = {
    security: policy === undefined ? { trust: "on-first-use" } : { policy, trust: "on-first-use" },
    userCertificate: { certificate: "env:CERTIFICATE", key: "env:KEY" },
  };
  const device = deviceAt(endpoint, tags, { connection });
  return (environment: { readonly CERTIFICATE?: string; readonly KEY?: string }) =>
    connected(device, {
      files: { folder: own, secret: (name) => readSecret(name, { siteDir: own, environment }) },
    });
}

test.each([undefined, "basic256sha256", "aes128-sha256-rsaoaep"])(
  "a user certificate that the server trusts logs in (policy %s)",
  async (policy) => {
    const { certificate, key } = await userPems();
    const login = await gate([certificate], policy);
    const { adapter } = await login({ CERTIFICATE: certificate, KEY: key });
    expect(await adapter.read?.(["pressure"], AbortSignal.timeout(5_000))).toMatchObject([{ value: 182.5 }]);
  },
);

test("one that the server does not know is refused, and told with what to look for there", async () => {
  const [known, stranger] = [await userPems(), await userPems()];
  const login = await gate([known.certificate]);
  const refused = login({ CERTIFICATE: stranger.certificate, KEY: stranger.key });
  await expect(refused).rejects.toMatchObject({ code: "DEVICE_REJECTED" });
  await expect(refused).rejects.toThrow(
    /refuses the user certificate of CN=operator \(Bad\w+\)\. Does the server know it \(SHA-1 [0-9a-f]{40}\)/,
  );
});

test("one that expired, or is not valid yet, is told as that", async () => {
  const old = await userPems({ from: -20, days: 10 });
  const future = await userPems({ from: 10 });
  const login = await gate([old.certificate, future.certificate]);
  const attempt = (pems: typeof old) => login({ CERTIFICATE: pems.certificate, KEY: pems.key });
  await expect(attempt(old)).rejects.toThrow(/It expired on \d{4}-\d\d-\d\d: make a new one/);
  await expect(attempt(future)).rejects.toThrow(
    /not valid before \d{4}-\d\d-\d\d: check the gateway's clock/,
  );
});

test("a certificate or key that is missing, unreadable or another's is told before the server is asked", async () => {
  const [mine, other] = [await userPems(), await userPems()];
  const login = await gate([mine.certificate]);
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  const locked = rsa
    .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "secret" })
    .toString();
  const curve = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  const ec = curve.export({ type: "pkcs8", format: "pem" }).toString();
  const cases = [
    [{ CERTIFICATE: mine.certificate }, "userCertificate.key: The secret env:KEY is empty or missing"],
    [{ KEY: mine.key }, "userCertificate.certificate: The secret env:CERTIFICATE is empty or missing"],
    [
      { CERTIFICATE: mine.certificate, KEY: other.key },
      "the key does not fit the user certificate of CN=operator",
    ],
    [{ CERTIFICATE: "\u0030\u0082", KEY: mine.key }, "the user certificate is not in PEM"],
    [{ CERTIFICATE: mine.certificate, KEY: "hunter2" }, "is no private key in PEM"],
    [{ CERTIFICATE: mine.certificate, KEY: locked }, "has a passphrase. openssl pkey takes it off"],
    [{ CERTIFICATE: mine.certificate, KEY: ec }, "is ec. Allowed: RSA"],
  ] as const;
  for (const [environment, words] of cases) {
    const refused = login(environment);
    await expect(refused).rejects.toThrow(words);
    await expect(refused).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  }
});

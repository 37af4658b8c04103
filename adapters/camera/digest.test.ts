import { expect, test } from "vitest";
import { DigestAuth } from "./digest.ts";

const account = {
  user: "Mufasa",
  password: "Circle of Life",
  cnonce: () => "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
};
const challenge = (algorithm: string, more = "") =>
  `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, ` +
  `nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"${more}`;

function responseIn(header: string | undefined): string | undefined {
  return /response="(\w+)"/.exec(header ?? "")?.[1];
}

// RFC 7616 §3.9.1
test.each([
  ["MD5", "8ca523f5e9506fed4657c9700eebdbec"],
  ["SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"],
])("answers the challenge of the specification with %s", (algorithm, expected) => {
  const auth = new DigestAuth(account);
  expect(auth.authorization("GET", "/dir/index.html")).toBeUndefined();
  expect(auth.accept(challenge(algorithm), false)).toBe(true);
  const header = auth.authorization("GET", "/dir/index.html");
  expect(responseIn(header)).toBe(expected);
  expect(header).toContain("nc=00000001");
  expect(auth.authorization("GET", "/dir/index.html")).toContain("nc=00000002");
});

test("takes the stronger of several challenges, whatever stands in their texts", () => {
  const auth = new DigestAuth(account);
  expect(auth.accept(`Basic realm="a, Digest b", ${challenge("MD5")}, ${challenge("SHA-256")}`, false)).toBe(
    true,
  );
  expect(auth.authorization("GET", "/")).toContain("algorithm=SHA-256");
});

test("answers the old form, which has no quality of protection", () => {
  const auth = new DigestAuth({ ...account, user: 'a"b' });
  auth.accept('Digest realm="camera", nonce="n1"', false);
  const header = auth.authorization("GET", "/");
  expect(header).not.toMatch(/qop|nc=|cnonce/);
  expect(header).toContain('username="a\\"b"');
});

test("tries again with a new nonce where the old one was stale, never where the password was refused", () => {
  const auth = new DigestAuth(account);
  expect(auth.accept(challenge("MD5"), false)).toBe(true);
  expect(auth.accept(challenge("MD5", ", stale=TRUE"), true)).toBe(true);
  expect(auth.authorization("GET", "/")).toContain("nc=00000001");
  expect(auth.accept(challenge("MD5"), true)).toBe(false);
});

test.each([
  "",
  "Basic realm=x",
  'Digest nonce="1"',
  'Digest realm="r", nonce="n", algorithm=SHA-512',
  "Digest ,,=,",
])("gives up on the challenge %j", (header) => {
  const auth = new DigestAuth(account);
  expect(auth.accept(header, false)).toBe(false);
  expect(auth.authorization("GET", "/")).toBeUndefined();
});

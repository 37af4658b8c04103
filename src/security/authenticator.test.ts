import bcrypt from "bcrypt";
import { expect, test, vi } from "vitest";
import type { Log } from "../adapter-kit/log.ts";
import { Authenticator } from "./authenticator.ts";

const rights = { read: ["data/#"], publish: [], write: [] };
const passwordHash = bcrypt.hashSync("secret", 4);

function authenticator(users: ConstructorParameters<typeof Authenticator>[0], clock = { at: 0 }) {
  const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() } satisfies Log;
  const time = { now: () => clock.at, monotonic: () => clock.at, sleep: () => Promise.resolve() };
  return { log, subject: new Authenticator(users, { log, clock: time }) };
}

test("a user comes in with the right password alone", async () => {
  const { subject } = authenticator({ panel: { ...rights, passwordHash } });
  expect(await subject.login("panel", Buffer.from("secret"), "10.0.0.1")).toMatchObject({
    ok: true,
    user: "panel",
  });
  expect(await subject.login("panel", "wrong", "10.0.0.1")).toEqual({ ok: false, reason: "credentials" });
  expect(await subject.login("panel", undefined, "10.0.0.1")).toMatchObject({ ok: false });
  expect(await subject.login("__proto__", "secret", "10.0.0.1")).toMatchObject({ ok: false });
  expect(await subject.login(undefined, undefined, "10.0.0.1")).toMatchObject({ ok: false });
});

test("a hash as PHP and htpasswd write it is taken", async () => {
  const { subject } = authenticator({
    panel: { ...rights, passwordHash: passwordHash.replace("$2b$", "$2y$") },
  });
  expect(await subject.login("panel", "secret", "10.0.0.1")).toMatchObject({ ok: true });
});

test("without users everybody may do everything, with users only the named anonymous may come without a password", async () => {
  const open = await authenticator({}).subject.login("whoever", "x", "127.0.0.1");
  expect(open.ok && open.rights.mayPublish("cmd/plant1/x")).toBe(true);
  const named = await authenticator({ anonymous: rights }).subject.login(undefined, undefined, "10.0.0.1");
  expect(named.ok && named.rights.mayRead("data/x")).toBe(true);
  expect(named.ok && named.rights.mayPublish("cmd/plant1/x")).toBe(false);
  expect(
    await authenticator({ anonymous: rights }).subject.login("anonymous", "x", "10.0.0.1"),
  ).toMatchObject({ ok: false });
});

test("an unknown user costs as much as a known one", async () => {
  const compare = vi.spyOn(bcrypt, "compare");
  const { subject } = authenticator({ panel: { ...rights, passwordHash } });
  await subject.login("nobody", "secret", "10.0.0.1");
  expect(compare).toHaveBeenCalledOnce();
  expect(compare.mock.calls[0]?.[1]).toMatch(/^\$2b\$04\$.{53}$/);
  compare.mockRestore();
});

test("a repeated login is not hashed again", async () => {
  const compare = vi.spyOn(bcrypt, "compare");
  const { subject } = authenticator({ panel: { ...rights, passwordHash } });
  for (let count = 0; count < 5; count += 1) await subject.login("panel", "secret", "10.0.0.1");
  expect(compare).toHaveBeenCalledOnce();
  compare.mockRestore();
});

test("an address that keeps failing is turned away for a minute, told once, and shuts out nobody known", async () => {
  const clock = { at: 0 };
  const { subject, log } = authenticator({ panel: { ...rights, passwordHash } }, clock);
  await subject.login("panel", "secret", "10.0.0.9");
  for (let count = 0; count < 10; count += 1) await subject.login("panel", `guess ${count}`, "10.0.0.9");
  expect(await subject.login("panel", "guess", "10.0.0.9")).toEqual({ ok: false, reason: "tooManyFailures" });
  expect(await subject.login("panel", "secret", "10.0.0.9")).toMatchObject({ ok: true });
  expect(await subject.login("panel", "guess", "10.0.0.10")).toEqual({ ok: false, reason: "credentials" });
  clock.at = 60_001;
  expect(await subject.login("panel", "guess", "10.0.0.9")).toEqual({ ok: false, reason: "credentials" });
  expect(
    log.warn.mock.calls.filter(([fields]) => (fields as { address: string }).address === "10.0.0.9"),
  ).toHaveLength(2);
  expect(JSON.stringify(log.warn.mock.calls)).not.toContain("guess");
});

test("a flood of logins is turned away instead of queued without end", async () => {
  const { subject } = authenticator({ panel: { ...rights, passwordHash } });
  const logins = await Promise.all(
    Array.from({ length: 200 }, (_, index) => subject.login("panel", "guess", `10.0.1.${index}`)),
  );
  expect(logins.filter((login) => !login.ok && login.reason === "busy")).toHaveLength(200 - 66);
});

test("health and metrics are for those who may read, and for the machine itself while there are no users", async () => {
  const { subject } = authenticator({
    panel: { ...rights, passwordHash },
    pusher: { ...rights, read: [], passwordHash },
  });
  expect(await subject.mayLook("panel", "secret", "10.0.0.1")).toBe(true);
  expect(await subject.mayLook("pusher", "secret", "10.0.0.1")).toBe(false);
  expect(await subject.mayLook(undefined, undefined, "127.0.0.1")).toBe(false);
  expect(await authenticator({}).subject.mayLook(undefined, undefined, "::ffff:127.0.0.1")).toBe(true);
});

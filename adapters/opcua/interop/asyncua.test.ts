import { execFile, spawn } from "node:child_process";
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { freePort, RecordingContext } from "../../../src/adapter-kit/testing.ts";
import { opcuaAdapter } from "../adapter.ts";
import type { OpcuaDevice } from "../mapping.ts";
import { Pki } from "../pki.ts";
import { readSecret } from "../../../src/security/read-secret.ts";
import { connected, deviceAt, folder, press, running, userPems } from "../testing.ts";

const program = process.env["LINEGATE_ASYNCUA_PYTHON"] ?? "python3";
const installed = await promisify(execFile)(program, ["-c", "import asyncua"]).then(
  () => true,
  () => false,
);
const openssl = await promisify(execFile)("openssl", ["version"]).then(
  () => true,
  () => false,
);
const missing = `asyncua (PyPI) is not there for ${program}: name a Python that has it in LINEGATE_ASYNCUA_PYTHON`;

/** A PLC on asyncua, which shares no code with node-opcua. */
async function plc({ nodes = 0, secure = false, refresh = false, broken = false, few = false } = {}) {
  const own = await folder();
  const { certificate, keyPem } = await new Pki(own).identity();
  await writeFile(join(own, "server.der"), certificate);
  await writeFile(join(own, "server.pem"), keyPem);
  const script = new URL("server.py", import.meta.url).pathname;
  const port = await freePort();
  const args = [
    script,
    `${port}`,
    `${nodes}`,
    own,
    ...(secure ? ["secure"] : []),
    ...(refresh ? ["refresh"] : []),
    ...(broken ? ["broken"] : []),
    ...(few ? ["few"] : []),
  ];
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await lines.next();
  return {
    endpoint: `opc.tcp://127.0.0.1:${port}/line`,
    /** Certificates of users in its folder `users` are let in. */
    folder: own,
    tell: async (command: object): Promise<{ readonly value?: unknown }> => {
      child.stdin.write(`${JSON.stringify(command)}\n`);
      return JSON.parse((await lines.next()).value ?? "{}") as { readonly value?: unknown };
    },
  };
}

/** As the supervisor does: another life of the adapter after each. */
async function kept(device: OpcuaDevice, context: RecordingContext): Promise<void> {
  const stop = new AbortController();
  const lives = (async () => {
    while (!stop.signal.aborted) {
      const adapter = opcuaAdapter.create(device, context);
      await adapter
        .connect(stop.signal)
        .then(() => adapter.run(stop.signal))
        .catch(() => undefined);
      await adapter.close();
      await context.clock.sleep(100, stop.signal).catch(() => undefined);
    }
  })();
  onTestFinished(async () => {
    stop.abort();
    await lives;
  });
}

const tags = {
  pressure: { node: press("Pressure"), type: "float64" },
  setpoint: { node: press("Setpoint"), type: "uint16", write: {} },
  total: { node: press("Total"), type: "int64", write: {} },
  name: { node: press("Name"), type: "string", write: {}, mode: "poll" },
  profile: { node: press("Profile") },
  box: { node: press("Box") },
  raw: { node: press("Raw"), type: "bytestring" },
  double: { object: "nsu=http://example.com/line;s=Press", method: press("Double"), write: {} },
} as const;

test("reads, writes and calls, on a server that is not node-opcua's", async (ctx) => {
  if (!installed) return ctx.skip(missing);
  const server = await plc();
  const { adapter, context } = await running(deviceAt(server.endpoint, tags));
  await expect.poll(() => context.goodTags().length).toBe(7);
  const seen = Object.fromEntries([...context.latest].map(([tag, { value }]) => [tag, value]));
  expect(seen).toMatchObject({
    setpoint: 1_200,
    total: 9_007_199_254_740_993n,
    name: "Größe",
    profile: [1.5, 2.5],
    box: { Width: 7, Label: "seven" },
    raw: "AQI=",
  });
  const signal = AbortSignal.timeout(5_000);
  const writes = { setpoint: 900, total: -3n, name: "Ölig", double: [21] };
  await adapter.write?.(
    Object.entries(writes).map(([tag, value]) => ({ tag, value })),
    signal,
  );
  expect(await server.tell({ do: "read", name: "Total" })).toEqual({ value: -3 });
  expect(await server.tell({ do: "read", name: "Name" })).toEqual({ value: "Ölig" });
  const read = await adapter.read?.(Object.keys(writes), signal);
  expect(read?.map(({ value }) => value)).toEqual(Object.values(writes).with(3, [42]));
});

test("is back after a restart, and after a download that changes ids", async (ctx) => {
  if (!installed) return ctx.skip(missing);
  const server = await plc();
  const path = "/Objects/<nsu=http://example.com/line>Press/<nsu=http://example.com/line>Setpoint";
  const mapped = {
    pressure: tags.pressure,
    setpoint: { path, type: "uint16" },
    missing: { node: press("Missing") },
  };
  const context = new RecordingContext();
  await kept(deviceAt(server.endpoint, mapped, { options: { heartbeat: "2s" } }), context);
  const both = async () => {
    await expect.poll(() => context.goodTags().sort()).toEqual(["pressure", "setpoint"]);
  };
  await both();
  await server.tell({ do: "restart" });
  context.clear();
  await both();
  // The namespaces stand in another order: by URI and by path the nodes are found all the same.
  await server.tell({ do: "download" });
  context.clear();
  await both();
  // The ids are others: what is named by path is found, what is named by id is bad, and costs nobody anything.
  await server.tell({ do: "download", prefix: "Press2" });
  context.clear();
  await expect.poll(() => context.goodTags()).toEqual(["setpoint"]);
  expect(context.latest.get("pressure")).toMatchObject({ quality: "bad", status: "BadNodeIdUnknown" });
});

test("signs and encrypts under each policy, and logs in with a password", async (ctx) => {
  if (!installed) return ctx.skip(missing);
  const server = await plc({ secure: true });
  const pki = await folder();
  for (const policy of ["basic256sha256", "aes128-sha256-rsaoaep", "aes256-sha256-rsapss"]) {
    const security = { policy, mode: "sign-and-encrypt", trust: "on-first-use" };
    const device = deviceAt(server.endpoint, tags, {
      connection: { security, user: "operator", password: "env:PASSWORD" },
    });
    const { adapter } = await connected(device, { files: { folder: pki, secret: async () => "hunter2" } });
    expect(await adapter.read?.(["setpoint"], AbortSignal.timeout(5_000))).toMatchObject([{ value: 1_200 }]);
    const wrong = connected(device, { files: { folder: pki, secret: async () => "wrong" } });
    await expect(wrong).rejects.toMatchObject({ code: "DEVICE_REJECTED" });
  }
});

test("2,000 monitored items, one of them unknown", async (ctx) => {
  if (!installed) return ctx.skip(missing);
  const server = await plc({ nodes: 2_000 });
  const many = Array.from(
    { length: 2_000 },
    (_none, n) => [`value${n}`, { node: press(`Value${n}`) }] as const,
  );
  const mapped = { ...Object.fromEntries(many), missing: { node: press("Missing") } };
  const { context } = await running(deviceAt(server.endpoint, mapped));
  await expect.poll(() => context.goodTags().length).toBe(2_000);
  expect(context.latest.get("value1999")?.value).toBe(1_999);
  await expect.poll(() => context.latest.get("missing")).toMatchObject({ status: "BadNodeIdUnknown" });
});

test.for(["poll", "subscribe"])(
  "a value that it can't encode costs no other tag; 300 tags where it takes 100 at once: %s",
  async (mode, ctx) => {
    if (!installed) return ctx.skip(missing);
    const server = await plc({ broken: true, few: true, nodes: 300 });
    const many = Array.from(
      { length: 300 },
      (_none, n) => [`value${n}`, { node: press(`Value${n}`) }] as const,
    );
    const mapped = { ...Object.fromEntries(many), broken: { node: press("Broken") } };
    const device = deviceAt(server.endpoint, mapped, { options: { mode, retryBadTags: "2s" } });
    const { context } = await running(device);
    await expect.poll(() => context.goodTags().length).toBe(300);
    await expect.poll(() => context.latest.get("broken")).toMatchObject({ status: "BadInternalError" });
  },
);

test("logs in with a user certificate that openssl made as the README says", async (ctx) => {
  if (!installed) return ctx.skip(missing);
  if (!openssl) return ctx.skip("openssl is not there");
  const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
  const line = /^openssl req .*$/m.exec(readme)?.[0] ?? "no such line";
  const server = await plc({ secure: true });
  const own = await folder();
  await promisify(execFile)("sh", ["-c", line], { cwd: own });
  const userCertificate = { certificate: "file:operator.pem", key: "file:operator.key" };
  const secret = (name: string) => readSecret(name, { siteDir: own, environment: {} });
  const login = async (policy: string) => {
    const connection = { security: { policy, trust: "on-first-use" }, userCertificate };
    const { adapter } = await connected(deviceAt(server.endpoint, tags, { connection }), {
      files: { folder: own, secret },
    });
    return adapter.read?.(["setpoint"], AbortSignal.timeout(5_000));
  };
  await expect(login("basic256sha256")).rejects.toThrow(
    /refuses the user certificate of CN=operator \(BadUserAccessDenied\)\. Does the server know it/,
  );
  await mkdir(join(server.folder, "users"));
  await copyFile(join(own, "operator.pem"), join(server.folder, "users", "operator.pem"));
  for (const policy of ["basic256sha256", "aes128-sha256-rsaoaep", "aes256-sha256-rsapss"]) {
    expect(await login(policy)).toMatchObject([{ value: 1_200 }]);
  }
  const old = await userPems({ from: -20, days: 10 });
  await writeFile(join(own, "operator.pem"), old.certificate);
  await writeFile(join(own, "operator.key"), old.key);
  await copyFile(join(own, "operator.pem"), join(server.folder, "users", "old.pem"));
  await expect(login("basic256sha256")).rejects.toThrow(/It expired on \d{4}-\d\d-\d\d/);
  await rm(join(own, "operator.key"));
  await expect(login("basic256sha256")).rejects.toThrow(
    /userCertificate.key: The secret file \S+operator.key can't be read/,
  );
});

test("tells conditions that stood before it came, where the server takes ConditionRefresh", async (ctx) => {
  if (!installed) return ctx.skip(missing);
  const server = await plc({ refresh: true });
  await server.tell({ do: "alarm", active: true });
  const device = deviceAt(server.endpoint, tags, { options: { events: [{}] } });
  const { context } = await running(device);
  const seen = () =>
    context.events.map(({ name, data }) => [name, data["active"], data["refreshed"] ?? false]);
  await expect.poll(seen).toEqual([["alarm/Overheat", true, true]]);
  await server.tell({ do: "alarm", active: false });
  await expect.poll(seen).toEqual([
    ["alarm/Overheat", true, true],
    ["alarm/Overheat", false, false],
  ]);
  const plain = await plc();
  await plain.tell({ do: "alarm", active: true });
  const { context: told } = await running(deviceAt(plain.endpoint, tags, { options: { events: [{}] } }));
  await expect
    .poll(() => told.logged.map(({ message }) => message))
    .toEqual([expect.stringContaining("the server takes no ConditionRefresh (Bad")]);
});

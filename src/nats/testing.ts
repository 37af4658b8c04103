import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { onTestFinished } from "vitest";
import { systemClock } from "../adapter-kit/clock.ts";
import type { Log } from "../adapter-kit/log.ts";
import { gatewaySchema } from "../config/gateway-schema.ts";
import { GatewayError } from "../domain/errors.ts";
import { EmbeddedServer, type EmbeddedServerOptions } from "./embedded-server.ts";
import { findServer } from "./find-server.ts";
import { NatsLink } from "./link.ts";
import type { NatsLinkOptions } from "./link-types.ts";
import { NatsPart, type NatsPartOptions } from "./nats-part.ts";
import { createOwnKey } from "./own-access.ts";
import { launchServer } from "./server-process.ts";
import { inspectServer } from "./server-program.ts";

const run = promisify(execFile);

/** Nothing is asked of a signal in most tests. */
export const never: AbortSignal = new AbortController().signal;

/** A log that is kept, one line a string. */
export function keptLog(): Log & { readonly lines: string[] } {
  const lines: string[] = [];
  const keep = (level: string) => (fields: object, message: string) =>
    void lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  return { lines, debug: keep("debug"), info: keep("info"), warn: keep("warn"), error: keep("error") };
}

/** A folder of the test's own, gone with it. */
export async function scratchFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "linegate-nats-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The reason to skip where this machine has no nats-server. */
export async function noServerHere(): Promise<string | undefined> {
  try {
    await findServer(undefined, process.env["PATH"] ?? "");
    return undefined;
  } catch {
    return "nats-server is not installed on this machine";
  }
}

/** A server on a free port, stopped with the test. */
export async function testServer(options: Partial<EmbeddedServerOptions> = {}): Promise<EmbeddedServer> {
  const server = new EmbeddedServer({
    gateway: "test-gw",
    listen: { host: "127.0.0.1", port: 0 },
    store: options.store ?? (await scratchFolder()),
    maxFileBytes: 50_000_000,
    maxMemoryBytes: 50_000_000,
    gatewayKey: createOwnKey().publicKey,
    users: [],
    searchPath: process.env["PATH"] ?? "",
    log: keptLog(),
    clock: systemClock,
    random: () => 0.5,
    ...options,
  });
  onTestFinished(() => server.stop());
  return server;
}

/** nats-server as it starts by itself: no JetStream. */
export async function plainServer(): Promise<{ readonly port: number }> {
  const folder = await scratchFolder();
  const program = await inspectServer(await findServer(undefined, process.env["PATH"] ?? ""));
  const config = join(folder, "plain.json");
  await writeFile(config, JSON.stringify({ host: "127.0.0.1", port: -1, logtime: false }));
  const running = launchServer(program, config, keptLog(), systemClock);
  onTestFinished(() => running.kill("SIGKILL"));
  return { port: await running.ready };
}

/** A link that is not started yet, stopped with the test. */
export function testLink(options: Partial<NatsLinkOptions> = {}): NatsLink {
  const link = new NatsLink({
    gateway: "test-gw",
    latestBytes: 10_000_000,
    log: keptLog(),
    clock: systemClock,
    random: () => 0.5,
    ...options,
  });
  onTestFinished(() => link.stop());
  return link;
}

/** The whole part on a `nats:` section as it stands in gateway.yaml; not started yet, stopped with the test. */
export async function testPart(nats: object, options: Partial<NatsPartOptions> = {}): Promise<NatsPart> {
  const { nats: config } = gatewaySchema.parse({ gateway: "test-gw", site: "plant1/line1", nats });
  const part = new NatsPart({
    gateway: "test-gw",
    siteDir: options.siteDir ?? (await scratchFolder()),
    config,
    users: [],
    searchPath: process.env["PATH"] ?? "",
    log: keptLog(),
    clock: systemClock,
    random: () => 0.5,
    ...options,
  });
  onTestFinished(() => part.stop());
  return part;
}

/** Runs a module's text in a Node process of its own and resolves with that and its first line of output. */
export async function runScript(
  source: string,
): Promise<{ readonly pid: number; readonly firstLine: string }> {
  const child = spawn(process.execPath, ["--expose-gc", "--input-type=module", "-e", source], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const { stdout } = child;
  for await (const line of createInterface({ input: stdout }))
    return { pid: child.pid ?? 0, firstLine: line };
  throw new GatewayError("INTERNAL", "The script said nothing");
}

/**
 * For tests: a folder with an authority (`ca.pem`) and a certificate of it (`server.pem`, `server.key`), made by openssl.
 * `names` as `DNS:localhost,IP:127.0.0.1`.
 */
export async function certificates(
  skip: (reason: string) => never,
  { names = "DNS:localhost", uses = "serverAuth,clientAuth" } = {},
): Promise<string> {
  const folder = await scratchFolder();
  const openssl = async (...args: string[]) => run("openssl", args, { cwd: folder });
  const fresh = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  try {
    await openssl("version");
  } catch {
    skip("openssl is not installed on this machine");
  }
  const authority = ["-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test authority"];
  await openssl("req", "-x509", ...fresh, ...authority);
  await openssl("req", ...fresh, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=test server");
  await writeFile(join(folder, "use.cnf"), `subjectAltName=${names}\nextendedKeyUsage=${uses}\n`);
  const issue = ["x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
  await openssl(...issue, "-out", "server.pem", "-extfile", "use.cnf", "-days", "2");
  return folder;
}

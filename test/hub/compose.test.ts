import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { loadFleet } from "../../src/config/load-fleet.ts";
import { loadSite } from "../../src/config/load-site.ts";
import { findServer } from "../../src/nats/find-server.ts";
import { noServerHere } from "../../src/nats/testing.ts";
import { hubConfigOfDocs, hubPasswords } from "../fixture/hub.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));

interface Compose {
  readonly services: Readonly<Record<string, { readonly environment?: Readonly<Record<string, string>> }>>;
  readonly configs: Readonly<Record<string, { readonly content: string }>>;
}

const compose: Compose = parse(readFileSync(join(root, "docker-compose.yml"), "utf8"), { merge: true });

/** A config's text as Compose hands it on. */
function config(name: string): string {
  return (compose.configs[name]?.content ?? "").replaceAll("$$", "$");
}

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), "linegate-compose-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

test("the site that docker-compose.yml runs has no mistakes, nor has its fleet", async () => {
  const dir = folder();
  cpSync(join(root, "mappings/factory"), dir, {
    recursive: true,
    filter: (path) => !path.includes("node_modules") && !path.endsWith("/data"),
  });
  writeFileSync(join(dir, "gateway.yaml"), config("gateway"));
  const loaded = await loadSite(dir, { env: { HUB_PASSWORD: "x" } });
  expect(loaded.ok ? [] : loaded.issues).toEqual([]);
  const fleet = join(folder(), "fleet.yaml");
  writeFileSync(fleet, config("fleet"));
  expect(await loadFleet(fleet)).toMatchObject({ ok: true, fleet: { gateways: ["line1-gw"], replicas: 3 } });
});

test("its hub is that of docs/hub.md, and nats-server takes it", async (ctx) => {
  expect(config("accounts").trim()).toBe(hubConfigOfDocs("accounts.conf").trim());
  const ofDocs = hubConfigOfDocs("hub-1.conf")
    .replace("server_name: hub-1", "server_name: $HUB_NAME")
    .replace('advertise: "hub-1.example:7422"', "advertise: $HUB_ADVERTISE")
    .replaceAll(".example", "");
  expect(config("hub").trim()).toBe(ofDocs.trim());
  const reason = await noServerHere();
  ctx.skip(reason !== undefined, reason);
  const dir = folder();
  writeFileSync(join(dir, "accounts.conf"), config("accounts"));
  writeFileSync(join(dir, "hub.conf"), config("hub"));
  const binary = await findServer(undefined, process.env["PATH"] ?? "");
  for (const name of ["hub-1", "hub-2", "hub-3"]) {
    const { HUB_NAME, HUB_ADVERTISE } = compose.services[name]?.environment ?? {};
    expect([HUB_NAME, HUB_ADVERTISE]).toEqual([name, `${name}:7422`]);
    const env = { ...hubPasswords, HUB_NAME, HUB_ADVERTISE };
    await run(binary, ["-t", "-c", join(dir, "hub.conf")], { env });
  }
});

test("docker compose config takes it", async (ctx) => {
  const missing = await run("docker", ["compose", "version"]).then(
    () => undefined,
    () => "docker compose is not installed on this machine",
  );
  ctx.skip(missing !== undefined, missing);
  const { stdout } = await run("docker", ["compose", "-f", join(root, "docker-compose.yml"), "config", "-q"]);
  expect(stdout).toBe("");
});

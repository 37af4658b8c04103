import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { loadSiteApart } from "./load-site-apart.ts";
import { loadSite } from "./load-site.ts";
import { gatewayYaml, siteFolder } from "./test-site.ts";

const modbus = `device: a
adapter: modbus
connection: { transport: tcp, host: 10.0.0.1 }
tags: { t: { address: "holding:1", type: int64, write: { min: 0 } } }
`;

const alerts = `alerts:
  low: { message: m, when: { tag: a/t, below: 5 }, onRaise: { publish: [{ topic: andon, payload: { at: now } }] } }
`;

/** A module that runs in place of the one that loads a site. */
async function entryOf(source: string): Promise<URL> {
  const dir = await siteFolder({ "entry.mjs": source });
  return pathToFileURL(join(dir, "entry.mjs"));
}

test("a process apart gives the very site that loading it here gives", async () => {
  const dir = await siteFolder({ "devices/a.yaml": modbus, "alerts.yaml": alerts });
  const apart = await loadSiteApart(dir);
  expect(apart).toMatchObject({ ok: true, site: { alerts: { alerts: [{ name: "low" }] } } });
  expect(apart).toEqual(await loadSite(dir));
});

test("mistakes come back as they are found here", async () => {
  const dir = await siteFolder({ "devices/a.yaml": modbus.replace("int64", "int65") });
  expect(await loadSiteApart(dir)).toEqual(await loadSite(dir));
});

test("a process that dies early is an error that tells what it said last", async () => {
  const entry = await entryOf("process.stderr.write('no such thing', () => process.exit(3));");
  await expect(loadSiteApart(tmpdir(), { entry })).rejects.toMatchObject({
    code: "INTERNAL",
    message: expect.stringContaining("exit code 3"),
    context: { output: "no such thing" },
  });
});

test("a process that does not come to an end is ended", async () => {
  const entry = await entryOf("setInterval(() => undefined, 1000);");
  await expect(loadSiteApart(tmpdir(), { entry, timeoutMs: 300 })).rejects.toMatchObject({
    code: "INTERNAL",
    message: expect.stringContaining("took longer than 0.3 s"),
  });
});

test("an abort ends the process and rejects with its reason", async () => {
  const entry = await entryOf("setInterval(() => undefined, 1000);");
  const abort = new AbortController();
  const loading = loadSiteApart(tmpdir(), { entry, signal: abort.signal });
  abort.abort();
  await expect(loading).rejects.toMatchObject({ name: "AbortError" });
  await expect(loadSiteApart(tmpdir(), { signal: abort.signal })).rejects.toMatchObject({
    name: "AbortError",
  });
});

test("what fails inside keeps its code and message", async () => {
  const entry = await entryOf("process.send({ code: 'CONFIG_INVALID', message: 'not so', stack: 'at a' });");
  await expect(loadSiteApart(tmpdir(), { entry })).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: "not so",
  });
});

test("secrets are looked for in the environment of the process that asks", async () => {
  const dir = await siteFolder({});
  await writeFile(
    join(dir, "gateway.yaml"),
    `${gatewayYaml}nats: { url: "nats://h:4222", user: u, password: env:LINEGATE_TEST_SECRET }\n`,
  );
  onTestFinished(() => {
    delete process.env["LINEGATE_TEST_SECRET"];
  });
  expect(await loadSiteApart(dir)).toMatchObject({ ok: false, issues: [{ path: "nats.password" }] });
  process.env["LINEGATE_TEST_SECRET"] = "x";
  expect(await loadSiteApart(dir)).toMatchObject({ ok: true });
});

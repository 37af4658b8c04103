import { expect, onTestFinished, test } from "vitest";
import type { Health } from "./health.ts";
import { HttpEndpoint } from "./http-endpoint.ts";

async function serve(ok: boolean, authorise = async (_user?: string, _password?: string) => true) {
  const health: Health = { ok, gateway: "line1-gw", upSeconds: 3, parts: { nats: { ok } }, devices: {} };
  const endpoint = new HttpEndpoint({
    listen: { host: "127.0.0.1", port: 0 },
    listenKey: "`http.listen`",
    health: () => health,
    metrics: () => [{ name: "up", help: "Up", type: "gauge", samples: [[{}, 1]] }],
    frames: {
      summary: () => '{"devices":[]}',
      recording: (device, incident) =>
        device === "press-1" ? [`header ${incident ?? "now"}`, "frame"] : undefined,
    },
    authorise,
  });
  await endpoint.start();
  onTestFinished(() => endpoint.stop());
  return { endpoint, url: `http://127.0.0.1:${endpoint.address.port}` };
}

test.each([
  [true, 200],
  [false, 503],
])("health %s answers %d with the parts", async (ok, status) => {
  const { url } = await serve(ok);
  const response = await fetch(`${url}/healthz`);
  expect(response.status).toBe(status);
  expect(await response.json()).toMatchObject({ ok, parts: { nats: { ok } } });
});

test("metrics are served as Prometheus wants them", async () => {
  const { url } = await serve(true);
  const response = await fetch(`${url}/metrics`);
  expect(response.headers.get("content-type")).toContain("version=0.0.4");
  expect(await response.text()).toContain("\nup 1\n");
});

test("who may not look is asked for a user", async () => {
  const { url } = await serve(true, async (user, password) => user === "mes" && password === "geheim:1");
  expect((await fetch(`${url}/metrics`)).status).toBe(401);
  const authorization = `Basic ${Buffer.from("mes:geheim:1").toString("base64")}`;
  expect((await fetch(`${url}/metrics`, { headers: { authorization } })).status).toBe(200);
});

test("raw frames are listed, and served as a recording of a device or of an incident", async () => {
  const { url } = await serve(true);
  expect(await (await fetch(`${url}/frames`)).json()).toEqual({ devices: [] });
  const now = await fetch(`${url}/frames?device=press-1`);
  expect(now.headers.get("content-type")).toBe("application/x-ndjson");
  expect(await now.text()).toBe("header now\nframe\n");
  expect(await (await fetch(`${url}/frames?device=press-1&incident=3`)).text()).toMatch(/^header 3\n/);
  expect((await fetch(`${url}/frames?device=other`)).status).toBe(404);
});

test("raw frames are for those who may look at the metrics", async () => {
  const { url } = await serve(true, async () => false);
  expect((await fetch(`${url}/frames?device=press-1`)).status).toBe(401);
});

test("a port that is taken is an error that says which key to look at", async () => {
  const { endpoint } = await serve(true);
  const second = new HttpEndpoint({
    listen: endpoint.address,
    listenKey: "`http.listen` in gateway.yaml",
    health: () => ({ ok: true, gateway: "", upSeconds: 0, parts: {}, devices: {} }),
    metrics: () => [],
    frames: { summary: () => "", recording: () => undefined },
    authorise: async () => true,
  });
  await expect(second.start()).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringContaining("http.listen"),
  });
});

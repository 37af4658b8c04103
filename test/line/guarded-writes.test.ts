import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { run as audit } from "../../src/cli/audit.ts";
import { ModbusSimulator } from "../../simulators/modbus/server.ts";
import { natsClient, requestWrite } from "../fixture/nats-client.ts";
import { spawnGateway } from "../fixture/gateway-process.ts";
import { runGateway } from "../fixture/running-gateway.ts";
import { pressFile, SiteFolder } from "../fixture/site-folder.ts";

const setpoint = "cmd.plant1.line1.press-1.motor.setpoint";
const guarded =
  "write: { min: 0, max: 1500, maxStep: 500, requires: [{ tag: press-1/ram/pressure, max: 200 }], heartbeat: { within: 400ms, failSafe: 0 } }";

async function line() {
  const plc = await ModbusSimulator.start();
  onTestFinished(() => plc.refuse());
  plc.unit().holding.put(40, "float32", 1824, "CDAB");
  const file = pressFile("press-1", plc.port).replace("write: { min: 0, max: 1500 }", guarded);
  const folder = new SiteFolder({ "devices/press-1.yaml": file });
  const running = await runGateway(folder);
  const nats = await natsClient(running.gateway.addresses.nats);
  const first = (tag: string) =>
    running.reading(({ path, quality }) => path.topic.endsWith(tag) && quality === "good");
  await Promise.all([first("motor/setpoint"), first("ram/pressure")]);
  return { plc, folder, nats, ...running };
}

async function printed(args: readonly string[]): Promise<{ code: number; text: string }> {
  const log = vi.spyOn(console, "log").mockImplementation(() => {});
  try {
    const code = await audit(args);
    return { code, text: log.mock.calls.map(([text]) => String(text)).join("\n") };
  } finally {
    log.mockRestore();
  }
}

test("the guard decides by the line's own tags, the PLC gets the fail-safe value, and the audit is whole until it is edited", async () => {
  const { plc, folder, nats, gateway, reading } = await line();
  const lost = Promise.withResolvers<unknown>();
  nats.subscribe("event.plant1.line1.press-1.heartbeat-lost", {
    callback: (_, message) => lost.resolve(message.json()),
  });
  expect(await requestWrite(nats, setpoint, { value: 501 })).toMatchObject({
    ok: false,
    code: "WRITE_REFUSED",
  });
  expect(await requestWrite(nats, setpoint, { value: 500, by: "mes" })).toMatchObject({
    ok: true,
    readBack: 500,
  });
  // Of the readings before, some were 0 as well.
  const falls = reading((next) => next.path.topic.endsWith("motor/setpoint") && next.value === 0);
  expect(await lost.promise).toMatchObject({
    data: { tag: "press-1/motor/setpoint", writer: "mes", failSafe: 0 },
  });
  await falls;
  expect(plc.unit().holding.get(100)).toBe(0);
  const tooMuch = reading((next) => next.value === 250);
  plc.unit().holding.put(40, "float32", 2500, "CDAB");
  await tooMuch;
  expect(await requestWrite(nats, setpoint, { value: 100 })).toMatchObject({
    message: expect.stringContaining("press-1/ram/pressure must be at most 200, and is 250"),
  });
  const metrics = [...gateway.metrics()].find(({ name }) => name === "linegate_writes_not_done_total");
  expect([...(metrics?.samples ?? [])]).toEqual([
    [{ outcome: "refused", reason: "step" }, 1],
    [{ outcome: "refused", reason: "permissive" }, 1],
  ]);
  await gateway.stop();

  const { dir } = folder;
  expect(await printed(["verify", dir])).toMatchObject({
    code: 0,
    text: expect.stringContaining("5 entries in 1 segments"),
  });
  const { text } = await printed(["list", dir, "--since", "1h"]);
  expect(text).toMatch(/press-1\/motor\/setpoint +0 +501 +nats +step: /);
  expect(text).toMatch(/press-1\/motor\/setpoint +0 +500 +"mes" \(nats\) +written, reads 500/);
  expect(text).toMatch(/500 +0 +gateway:heartbeat: mes has not written for 400ms +written, reads 0/);
  const segment = join(dir, "data/audit/audit-00000001.jsonl");
  await writeFile(segment, (await readFile(segment, "utf8")).replace('"value":500', '"value":400'));
  expect(await printed(["verify", dir, "--json"])).toMatchObject({
    code: 1,
    text: expect.stringContaining(`"breach":{"file":"audit-00000001.jsonl","line":3`),
  });
});

test("a gateway that is killed loses neither an entry of the audit nor the watch over a writer", async () => {
  const plc = await ModbusSimulator.start();
  onTestFinished(() => plc.refuse());
  const file = pressFile("press-1", plc.port).replace(
    "write: { min: 0, max: 1500 }",
    guarded.replace("400ms", "3s"),
  );
  const { dir } = new SiteFolder({ "devices/press-1.yaml": file });
  const first = await spawnGateway(dir);
  const nats = await natsClient(first.addresses.nats);
  await expect
    .poll(() => requestWrite(nats, setpoint, { value: 500, by: "mes" }))
    .toMatchObject({ ok: true });
  // The answer waits for it, but not for a disk that takes longer than 100 ms, as a busy machine's may.
  await expect.poll(async () => (await printed(["list", dir])).text).toContain(`"mes" (nats)`);
  first.kill("SIGKILL");
  await first.ended;
  expect(plc.unit().holding.get(100)).toBe(500);
  const second = await spawnGateway(dir);
  await expect.poll(() => plc.unit().holding.get(100)).toBe(0);
  second.kill("SIGTERM");
  expect(await second.ended).toBe(0);
  expect(await printed(["verify", dir])).toMatchObject({ code: 0 });
  const { text } = await printed(["list", dir]);
  expect(text).toContain(`"mes" (nats)`);
  expect(text).toContain("gateway:heartbeat: mes has not written for 3s");
});

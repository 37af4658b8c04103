import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { ModbusSimulator } from "../../simulators/modbus/server.ts";
import { linegate } from "../../src/cli/testing.ts";
import { readRecording } from "../../src/trace/frame-reader.ts";
import { runGateway } from "../fixture/running-gateway.ts";
import { pressFile, SiteFolder } from "../fixture/site-folder.ts";

interface Summary {
  readonly devices: readonly { readonly device: string; readonly frames: number }[];
  readonly incidents: readonly {
    readonly number: number;
    readonly device: string;
    readonly reason: string;
  }[];
}

test("the raw frames around a fault of a running gateway can be saved", async () => {
  const press = await ModbusSimulator.start();
  onTestFinished(() => press.refuse());
  const folder = new SiteFolder({ "devices/press-1.yaml": pressFile("press-1", press.port) });
  const { gateway, reading } = await runGateway(folder);
  await reading(({ quality }) => quality === "good");
  const url = `http://127.0.0.1:${gateway.addresses.http.port}`;
  const summary = async () => (await (await fetch(`${url}/frames`)).json()) as Summary;
  // A busy machine may have been late with an answer before.
  const { devices, incidents: before } = await summary();
  expect(devices).toMatchObject([{ device: "press-1" }]);
  press.freeze();
  await reading(({ status }) => status === "DeviceOffline");
  const number = before.length + 1;
  const incident = (await summary()).incidents.find((one) => one.number === number);
  expect(incident).toMatchObject({ device: "press-1", reason: expect.stringMatching(/timeout|offline/) });

  const dir = mkdtempSync(join(tmpdir(), "linegate-test-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const out = join(dir, "press-1.ndjson");
  const saved = await linegate(
    "record",
    "press-1",
    "--from-gateway",
    url,
    "--incident",
    `${number}`,
    "--out",
    out,
  );
  expect(saved).toMatchObject({ code: 0, stderr: "" });
  const { header, frames } = await readRecording(out);
  expect(header).toMatchObject({ device: "press-1", adapter: "modbus", incident: { number } });
  expect(frames.some(({ direction }) => direction === "received")).toBe(true);
  // The last that happened: a request without an answer.
  expect(frames.at(-1)?.direction).toBe("sent");
  const none = await linegate("record", "press-1", "--from-gateway", url, "--incident", "99", "--out", out);
  expect(none).toMatchObject({ code: 1, stderr: expect.stringContaining("no frames of press-1") });
});

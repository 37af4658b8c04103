import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test, vi } from "vitest";
import { mosquittoMissing, startBroker } from "../../../src/broker/testing.ts";
import { deviceOf } from "../mapping-fixture.ts";
import { encodedByOthers } from "../proto-fixture.ts";
import { runOn } from "../testing.ts";

test("payloads that others encoded and mosquitto_pub sent from files are an edge node's", async (ctx) => {
  const missing = mosquittoMissing();
  if (missing !== undefined) return ctx.skip(missing);
  const { broker, port } = await startBroker();
  const tags = { pressure: { metric: "Pressure" }, count: { metric: "Count", type: "uint64" as const } };
  const { context } = await runOn(broker, deviceOf(tags));
  const dir = mkdtempSync(join(tmpdir(), "sparkplug-"));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const publish = async (type: string, fields: object) => {
    const file = join(dir, "payload");
    writeFileSync(file, encodedByOthers({ timestamp: Date.now(), ...fields }));
    const topic = `spBv1.0/plant/${type}`;
    await promisify(execFile)("mosquitto_pub", ["-p", String(port), "-q", "1", "-t", topic, "-f", file]);
  };
  const session = { name: "bdSeq", datatype: 4, long_value: 0 };
  await publish("NBIRTH/edge-1", { seq: 254, metrics: [session] });
  const born = [
    { name: "Pressure", alias: 1, datatype: 10, double_value: 182.4 },
    { name: "Count", alias: 2, datatype: 8, long_value: "18446744073709551615" },
  ];
  await publish("DBIRTH/edge-1/press", { seq: 255, metrics: born });
  await vi.waitFor(() => expect(context.latest.get("pressure")?.value).toBe(182.4));
  expect(context.latest.get("count")?.value).toBe(18_446_744_073_709_551_615n);
  await publish("DDATA/edge-1/press", { seq: 0, metrics: [{ alias: 1, double_value: 7 }] });
  await vi.waitFor(() => expect(context.latest.get("pressure")?.value).toBe(7));
  await publish("NDEATH/edge-1", { metrics: [session] });
  await vi.waitFor(() => expect(context.losses.at(-1)?.message).toContain("NDEATH"));
  expect(context.faults).toEqual(new Map());
});

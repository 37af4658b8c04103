import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { gatewayYaml, siteFolder } from "../config/test-site.ts";
import { run } from "./read.ts";
import { linegate, linesOf, pumpFile, simulatedPump } from "./testing.ts";

test("reads tags by their mapping: scaled, raw, with unit and quality", async () => {
  const { file } = await simulatedPump();
  const [words, json] = await Promise.all([
    linegate("read", file),
    linegate("read", file, "temperature", "--json"),
  ]);
  expect(words).toMatchObject({ code: 0, stderr: "" });
  expect(words.stdout).toMatch(/pressure +182\.4 +bar +good/);
  expect(json.code).toBe(0);
  expect(linesOf(json.stdout)).toEqual([
    { tag: "temperature", value: 65.3, raw: 653, unit: "°C", quality: "good" },
  ]);
});

test("reads an address of a device without a mapping, and doubts a float in the wrong order", async () => {
  const { url } = await simulatedPump();
  const [right, wrong] = await Promise.all([
    linegate("read", url, "40041", "--type", "float32", "--order", "CDAB", "--set", "unit=bar"),
    linegate("read", url, "holding:40", "--type", "float32"),
  ]);
  expect(right.stdout).toMatch(/40041 +182\.4 +bar +good/);
  expect(wrong.stdout).toContain("in the order CDAB the same registers say 182.4");
});

test("a bad tag is diagnosed and ends with 1", async () => {
  const { file } = await simulatedPump();
  const { code, stdout } = await linegate("read", file, "holding:50", "pressure");
  expect(code).toBe(1);
  expect(stdout).toMatch(/holding\/50 +– +bad +– +IllegalDataAddress/);
  expect(stdout).toContain("looks like an off-by-one");
  expect(stdout).toMatch(/pressure +182\.4/);
});

test("a misspelt tag is answered with the nearest", async () => {
  const { file, simulator } = await simulatedPump();
  await expect(run([file, "presure"])).rejects.toThrow("Did you mean pressure?");
  expect(simulator.requestCount).toBe(0);
});

test.each([
  [[], "A device is missing"],
  [["press-9.yaml"], "there is no such file"],
  [["modbus-tpc://10.0.0.5"], "Did you mean modbus-tcp://?"],
])("%j is told in words", async (args, message) => {
  await expect(run(args)).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringContaining(message),
  });
});

test("a device that refuses the connection is told in words, without a stack", async () => {
  const { code, stdout, stderr } = await linegate("read", "modbus-tcp://127.0.0.1:1/1", "holding:0");
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toContain("refuses the connection");
  expect(stderr).not.toContain("    at ");
});

test("where a gateway runs on the same folder, a refused connection says so", async () => {
  const gateway = createServer((_, response) => response.end("{}")).listen(0, "127.0.0.1");
  onTestFinished(() => void gateway.close());
  await once(gateway, "listening");
  const { port } = gateway.address() as AddressInfo;
  const dir = await siteFolder({
    "gateway.yaml": `${gatewayYaml}http: { listen: "127.0.0.1:${port}" }\n`,
    "devices/pump-1.yaml": pumpFile(1),
  });
  await expect(run([`${dir}/devices/pump-1.yaml`])).rejects.toMatchObject({
    code: "DEVICE_UNREACHABLE",
    message: expect.stringContaining(`A gateway runs on this folder (http://127.0.0.1:${port})`),
  });
});

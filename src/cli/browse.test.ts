import { mkdir, readFile, writeFile } from "node:fs/promises";
import { expect, onTestFinished, test } from "vitest";
import { OpcuaSimulator, type OpcuaSimulatorOptions } from "../../simulators/opcua/server.ts";
import type { VariableSpec } from "../../simulators/opcua/variables.ts";
import type { TagValue } from "../domain/reading.ts";
import { siteFolder } from "../config/test-site.ts";
import { run } from "./browse.ts";
import { linegate, linesOf, simulatedPump } from "./testing.ts";

async function simulatedServer(options: OpcuaSimulatorOptions) {
  const simulator = await OpcuaSimulator.start(options);
  onTestFinished(() => simulator.stop());
  const dir = await siteFolder({});
  await mkdir(`${dir}/devices`);
  return { simulator, dir, url: `${simulator.endpoint}?security.policy=none` };
}

test("shows what answers in a device that nobody mapped", async () => {
  const { url } = await simulatedPump();
  const { code, stdout } = await linegate("browse", url, "--from", "holding:0", "--to", "60");
  expect(code).toBe(0);
  expect(stdout).toMatch(/holding:0..49 +answers, 50 addresses/);
  expect(stdout).toMatch(/holding:50..60 +exception 2/);
});

test("--json gives an object for each address", async () => {
  const { url } = await simulatedPump();
  const { stdout } = await linegate("browse", url, "--from", "input:1", "--to", "input:1", "--json");
  expect(linesOf(stdout)).toEqual([
    { name: "input/1", entry: { address: "input:1", type: "uint16" }, writable: false, value: 653 },
  ]);
});

test("a mapping made of it passes the check and is not written over unasked", async () => {
  const { dir, url } = await simulatedPump();
  const file = `${dir}/devices/found-1.yaml`;
  const search = ["browse", url, "--from", "holding:8", "--to", "12"];
  const made = await linegate(...search, "--write-mapping", file);
  expect(made).toMatchObject({ code: 0, stderr: expect.stringContaining("5 tags") });
  const text = await readFile(file, "utf8");
  expect(text).toContain('holding/10: { address: "holding:10", type: uint16 }');
  const again = await linegate(...search, "--write-mapping", file);
  expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining("--force") });
  const read = await linegate("read", file, "holding/10", "--json");
  expect(linesOf(read.stdout)).toMatchObject([{ value: 800, quality: "good" }]);
  const forced = await linegate(...search, "--write-mapping", file, "--force");
  expect(forced.code).toBe(0);
});

test("--units that are none are told before anything is asked", async () => {
  const { url, simulator } = await simulatedPump();
  await expect(run([url, "--units", "a..b"])).rejects.toThrow("such as 1..20");
  expect(simulator.acceptedCount).toBe(0);
});

/** Each with a value that it can hold. */
const builtIns: Readonly<Record<string, TagValue>> = {
  Boolean: true,
  SByte: -1,
  Byte: 200,
  Int16: -5,
  UInt16: 5,
  Int32: -5,
  UInt32: 5,
  Int64: -5n,
  UInt64: 5n,
  Float: 1.5,
  Double: 1.5,
  String: "text",
  DateTime: "2026-01-01T00:00:00.000Z",
  Guid: "0A1B2C3D-1111-2222-3333-44445555AAAA",
  ByteString: "AQI=",
  XmlElement: "<a/>",
  NodeId: "ns=1;s=a",
  ExpandedNodeId: "ns=1;s=a",
  StatusCode: "BadSensorFailure",
  QualifiedName: "1:a",
  LocalizedText: "text",
};

test("whatever an OPC UA server holds, the mapping made of it passes the check", async () => {
  const spec = (id: string, more: Omit<VariableSpec, "node" | "name" | "writable">): VariableSpec => {
    return { node: `nsu=http://example.com/odd%3B x;s=${id}`, name: id, writable: true, ...more };
  };
  const variables = [
    ...Object.entries(builtIns).flatMap(([builtIn, value]) => [
      spec(`${builtIn}.one`, { builtIn, value }),
      spec(`${builtIn}.list`, {
        builtIn,
        dimensions: [0],
        value: [typeof value === "bigint" ? `${value}` : value] as TagValue,
      }),
      spec(`${builtIn}.none`, { builtIn }),
    ]),
    // Names that come to the same, ids that need quotes, and the name of replies.
    ...["A B", "A-B", "A\nB", "reply", "x: {}, #y", "\"'"].map((id) =>
      spec(id, { builtIn: "Double", value: 1 }),
    ),
    {
      node: "nsu=http://example.com/odd;s=ends in a space ",
      name: "space",
      builtIn: "Double",
      value: 1,
      writable: true,
    },
  ];
  const { dir, url } = await simulatedServer({ line: true, variables });
  const file = `${dir}/devices/found-1.yaml`;
  const made = await linegate("browse", url, "--write-mapping", file);
  expect(made).toMatchObject({ code: 0, stderr: expect.stringContaining("Press/Bad (BadSensorFailure)") });
  expect(await linegate("check", dir)).toMatchObject({ code: 0 });
  const read = await linegate("read", file, "--json");
  const bad = linesOf(read.stdout).filter(({ quality }) => quality !== "good");
  expect(bad).toEqual([]);
  const text = await readFile(file, "utf8");
  expect(text).toMatch(/^ {2}Press\/Setpoint: +\{ node: .*, type: uint16 \} # can be written$/m);
  expect(text).toMatch(/^ {2}# Press\/Bad: +\{ node: .*, type: float64 \} # BadSensorFailure$/m);
  expect(text).toMatch(/^ {2}# Press\/Double: +\{ object: .*, write: \{\} \} # a method$/m);
  expect(text.match(/^ {2}[^#].*write:/m)).toBeNull();
});

test("a server that nobody mapped is looked into by its address, or by a device file without tags", async () => {
  const { simulator, dir, url } = await simulatedServer({ line: true, path: "/press" });
  const byUrl = await linegate("browse", url, "--from", "/Objects", "--depth", "2", "--json");
  expect(byUrl.code).toBe(0);
  const found = linesOf(byUrl.stdout);
  expect(found).toContainEqual(expect.objectContaining({ name: "Press/Pressure", value: 182.5 }));
  const file = `${dir}/devices/press-1.yaml`;
  const connection = `connection: { endpoint: "${simulator.endpoint}", security: { policy: none } }`;
  for (const tags of ["", "tags:\n", "tags: {}\n"]) {
    await writeFile(file, `device: press-1\nadapter: opcua\n${connection}\n${tags}`);
    const byFile = await linegate("browse", file, "--from", "/Objects", "--depth", "2", "--json");
    expect(linesOf(byFile.stdout).map(({ name }) => name)).toEqual(found.map(({ name }) => name));
    expect(await linegate("check", dir)).toMatchObject({ code: 1 });
  }
  const secret = await linegate("browse", `opc.tcp://me:secret@127.0.0.1:${simulator.port}`);
  expect(secret).toMatchObject({ code: 1, stderr: expect.stringContaining("stands behind a ?") });
});

test("what stands in the way of a mapping is told before anything is asked", async () => {
  const { dir, url, simulator, file } = await simulatedPump();
  await expect(run([url, "--write-mapping", file])).rejects.toThrow("--force writes over it");
  await expect(run([url, "--write-mapping", `${dir}/devices/a b.yaml`])).rejects.toThrow("may hold");
  await expect(run([url, "--write-mapping", `${dir}/device/a.yaml`])).rejects.toThrow("there is no folder");
  expect(simulator.acceptedCount).toBe(0);
});

import { execFile, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { expect, onTestFinished, test, vi } from "vitest";
import { startBroker } from "../../../src/broker/testing.ts";
import type { TypeName } from "../datatype.ts";
import { deviceOf } from "../mapping-fixture.ts";
import { runOn } from "../testing.ts";

/** A Python that has pysparkplug (PyPI, Apache-2.0), perhaps in an environment of its own. */
const python = process.env["PYSPARKPLUG_PYTHON"] ?? "/usr/bin/python3";

const held: readonly (readonly [metric: string, type: TypeName, value: unknown])[] = [
  ["Int8", "int8", -128],
  ["Int16", "int16", -12_345],
  ["Int32", "int32", -123_456_789],
  ["Int64", "int64", -1_234_567_890_123_456_789n],
  ["UInt8", "uint8", 255],
  ["UInt16", "uint16", 54_321],
  ["UInt32", "uint32", 4_000_000_001],
  ["UInt64", "uint64", 18_000_000_000_000_000_001n],
  ["Float", "float32", 1.5],
  ["Double", "float64", Math.PI],
  ["Boolean", "bool", true],
  ["String", "string", "Größe"],
  ["Int16Array", "int16[]", [-1, 2, -30_000]],
  ["BooleanArray", "bool[]", [true, false, true]],
  ["StringArray", "string[]", ["a", "bc"]],
];

test("an edge node of pysparkplug's is followed from birth to death, and written to", async (ctx) => {
  const installed = await promisify(execFile)(python, ["-c", "import pysparkplug"]).catch(() => undefined);
  if (installed === undefined) return ctx.skip("pysparkplug is not installed");
  const { broker, port } = await startBroker();
  const tags = Object.fromEntries(
    held.map(([metric, type]) => [metric, { metric, type, ...(metric === "Int32" ? { write: {} } : {}) }]),
  );
  const { context, adapter } = await runOn(broker, deviceOf(tags, { device: "machine", rebirth: "1m" }));
  const script = new URL("edge_node.py", import.meta.url).pathname;
  const node = spawn(python, [script, String(port)], { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void node.kill("SIGKILL"));
  const said: string[] = [];
  createInterface({ input: node.stdout }).on("line", (line) => said.push(line));
  await vi.waitFor(() => expect(context.goodTags()).toHaveLength(held.length));
  expect(held.map(([metric, type]) => [metric, type, context.latest.get(metric)?.value])).toEqual(held);

  node.stdin.write("2.5\n");
  await vi.waitFor(() => expect(context.latest.get("Double")?.value).toBe(2.5));
  const signal = AbortSignal.timeout(5_000);
  await adapter.write?.([{ tag: "Int32", value: -77 }], signal);
  expect(await adapter.read?.(["Int32"], signal)).toMatchObject([{ value: -77, quality: "good" }]);
  expect(said).toContain("wrote Int32 -77");
  expect(context.faults).toEqual(new Map());

  node.stdin.end();
  await vi.waitFor(() => expect(context.losses.at(-1)?.message).toContain("NDEATH"));
});

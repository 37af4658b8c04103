import { execFile, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { expect, onTestFinished } from "vitest";
import { plainText, type TagValue } from "../../../src/adapter-kit/index.ts";
import type { RecordingContext } from "../../../src/adapter-kit/testing.ts";
import { every, polling } from "../testing.ts";
import { deviceOf, tagOf } from "../mapping-fixture.ts";
import type { ModbusTag } from "../mapping.ts";

const python = "/usr/bin/python3";

/** For tests: true where Debian's Python has these modules. */
export async function hasPython(...modules: readonly string[]): Promise<boolean> {
  const found = await promisify(execFile)(python, ["-c", `import ${modules.join(", ")}`]).catch(
    () => undefined,
  );
  return found !== undefined;
}

interface Plc {
  /** Its TCP port, or the path of its serial port. */
  readonly place: string;
  /** What it holds. */
  ask(question: object): Promise<unknown>;
}

export interface Case {
  readonly name: string;
  readonly type: string;
  readonly order: string;
  readonly address: number;
  readonly registers: number;
  readonly held: TagValue;
  readonly written: TagValue;
}

const values: readonly (readonly [string, number, TagValue, TagValue])[] = [
  ["int16", 1, -12_345, 32_767],
  ["uint16", 1, 54_321, 1],
  ["bcd16", 1, 1_234, 9_876],
  ["int32", 2, -123_456_789, 2_147_483_647],
  ["uint32", 2, 4_000_000_001, 7],
  ["bcd32", 2, 12_345_678, 87_654_321],
  ["float32", 2, 1.5, -0.15625],
  ["int64", 4, -1_234_567_890_123_456_789n, 9_223_372_036_854_775_807n],
  ["uint64", 4, 18_000_000_000_000_000_001n, 3n],
  ["float64", 4, Math.PI, -1e300],
  ["string(5)", 3, "Größe", "Ölig"],
];
const orders: Readonly<Record<number, readonly string[]>> = {
  1: ["AB", "BA"],
  2: ["ABCD", "CDAB", "BADC", "DCBA"],
  3: ["AB", "BA"],
  4: ["ABCDEFGH", "GHEFCDAB", "BADCFEHG", "HGFEDCBA"],
};

/** For tests: every type in every order, one after the other from register 0. */
export function allCases(): Case[] {
  const cases: Case[] = [];
  let address = 0;
  for (const [type, registers, held, written] of values) {
    for (const order of orders[registers] ?? []) {
      const name = `${type.replace(/\W/g, "_")}/${order}`;
      cases.push({ name, type, order, address, registers, held, written });
      address += registers;
    }
  }
  return cases;
}

function tagFor({ name, type, order, address }: Case): ModbusTag {
  const own = type.startsWith("string") ? { stringOrder: order } : { order };
  return tagOf({ address: `holding:${address}`, type, ...own }, { name, poll: every(50) });
}

function spec({ type, order, address, registers }: Case, value: TagValue) {
  return { type, order, address, registers, value: plainText(value) };
}

/** For tests: pymodbus with the values of the cases, at a TCP port or at a serial port in a framing. */
export async function plc(cases: readonly Case[], ...serial: readonly string[]): Promise<Plc> {
  const script = new URL("plc.py", import.meta.url).pathname;
  const child = spawn(python, [script, JSON.stringify(cases.map((one) => spec(one, one.held))), ...serial], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const place = String((await lines.next()).value);
  return {
    place,
    ask: async (question: object): Promise<unknown> => {
      child.stdin.write(`${JSON.stringify(question)}\n`);
      return JSON.parse((await lines.next()).value ?? "null");
    },
  };
}

/** For tests: reads every case from the PLC, writes it, and has the PLC look at what it holds then; returns what came of it. */
export async function exercise(
  peer: Plc,
  cases: readonly Case[],
  connection: object,
): Promise<RecordingContext> {
  const flags = [0, 1, 2].map((n) => tagOf({ address: `coil:${n}` }, { name: `coil${n}`, poll: every(50) }));
  const bit = tagOf({ address: "holding:900.4" }, { name: "bit", poll: every(50) });
  const input = tagOf({ address: "discrete:1" }, { name: "input", poll: every(50) });
  const device = deviceOf([...cases.map(tagFor), ...flags, bit, input], {
    connection: { ...connection, timeout: "2s" },
    options: { writes: { bits: "mask-write" } },
  });
  const { adapter, context } = await polling(device);
  await expect.poll(() => context.goodTags().length).toBe(device.tags.length);
  const seen = () => cases.map(({ name }) => [name, context.latest.get(name)?.value]);
  expect(seen()).toEqual(cases.map(({ name, held }) => [name, held]));
  expect(context.latest.get("input")?.value).toBe(true);

  const signal = AbortSignal.timeout(10_000);
  await adapter.write?.(
    cases.map(({ name, written }) => ({ tag: name, value: written })),
    signal,
  );
  for (const { name, written } of cases) await adapter.write?.([{ tag: name, value: written }], signal);
  await adapter.write?.([{ tag: "coil1", value: true }], signal);
  await adapter.write?.(
    flags.map(({ name }, index) => ({ tag: name, value: index !== 1 })),
    signal,
  );
  await adapter.write?.([{ tag: "bit", value: true }], signal);

  const registers = cases.map((one) => spec(one, one.written));
  expect(await peer.ask({ registers, coils: [0, 1, 2], words: [900] })).toEqual({
    registers: cases.map(() => true),
    coils: [1, 0, 1],
    words: [16],
  });
  await expect.poll(seen).toEqual(cases.map(({ name, written }) => [name, written]));
  return context;
}

import { plainText, type BrowsedTag } from "../../src/adapter-kit/index.ts";

const perLine = 10;

/** One run of addresses that answer, or of those that do not. */
interface Run {
  readonly table: string;
  readonly start: number;
  end: number;
  readonly status: string | undefined;
  readonly values: string[];
}

/** What a search found, run by run: ten values a line, and what the device says where it has nothing. */
export function listFound(found: readonly BrowsedTag[]): readonly string[] {
  return runsOf(found).flatMap(({ table, start, end, status, values }) => {
    const where = start === end ? `${table}:${start}` : `${table}:${start}..${end}`;
    if (status !== undefined) return [`${where.padEnd(24)}${describe(status)}`];
    const width = Math.max(...values.map((value) => value.length));
    const lines = Array.from({ length: Math.ceil(values.length / perLine) }, (_, line) => {
      const row = values.slice(line * perLine, (line + 1) * perLine);
      return `  ${String(start + line * perLine).padStart(6)}  ${row.map((value) => value.padStart(width)).join("  ")}`;
    });
    return [
      `${where.padEnd(24)}answers, ${values.length} ${values.length === 1 ? "address" : "addresses"}`,
      ...lines,
    ];
  });
}

function runsOf(found: readonly BrowsedTag[]): readonly Run[] {
  const runs: Run[] = [];
  for (const { entry, status, value } of found) {
    const [table = "", place = ""] = plainText(
      entry["address"] ?? `unit:${plainText(entry["unitId"])}`,
    ).split(":");
    const [first = "", last = first] = place.split("..");
    const [start, end] = [Number(first), Number(last)];
    const text = typeof value === "boolean" ? (value ? "1" : "0") : plainText(value);
    const before = runs.at(-1);
    const continues = before?.table === table && before.status === status && before.end + 1 === start;
    if (before !== undefined && continues) {
      before.end = end;
      before.values.push(text);
    } else runs.push({ table, start, end, status, values: [text] });
  }
  return runs;
}

function describe(status: string): string {
  const words: Readonly<Record<string, string>> = {
    IllegalFunction: "exception 1 (illegal function): the device has no such table",
    IllegalDataAddress: "exception 2 (illegal data address)",
    IllegalDataValue: "exception 3 (illegal data value)",
    ServerDeviceFailure: "exception 4 (server device failure)",
    ServerDeviceBusy: "exception 6 (server device busy)",
    GatewayPathUnavailable: "exception 10 (gateway path unavailable)",
    GatewayTargetDeviceFailedToRespond: "exception 11 (the unit did not respond)",
    Timeout: "no answer",
    Answers: "answers",
  };
  return words[status] ?? status;
}

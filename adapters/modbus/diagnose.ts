import { plainText, type Diagnosis, type Sample } from "../../src/adapter-kit/index.ts";
import { isBitTable, lastOffset, type Table } from "./address.ts";
import type { Ask } from "./browse.ts";
import { formatDataType } from "./data-type.ts";
import type { PolledTag } from "./polled-tag.ts";
import { readCodeOf, statusOf, type Outcome } from "./request.ts";
import { typeOf } from "./tag.ts";

export interface DiagnoseDeps {
  readonly ask: Ask;
  readonly unitId: number;
  readonly tags: readonly PolledTag[];
}

/** What is probably wrong with tags whose samples are bad, found by reading around them. One text a bad tag. */
export async function diagnoseTags(
  bad: readonly Sample[],
  deps: DiagnoseDeps,
): Promise<readonly Diagnosis[]> {
  const found: Diagnosis[] = [];
  for (const { tag: name, status, quality } of bad) {
    const tag = deps.tags.find((candidate) => candidate.name === name);
    if (tag === undefined || quality !== "bad") continue;
    found.push({ tag: name, text: await new Inquiry(tag, deps).explain(status ?? "") });
  }
  return found;
}

const sister: Readonly<Record<Table, Table>> = {
  holding: "input",
  input: "holding",
  coil: "discrete",
  discrete: "coil",
};

/** The questions around one tag. */
class Inquiry {
  readonly #tag: PolledTag;
  readonly #deps: DiagnoseDeps;
  readonly #place: string;

  constructor(tag: PolledTag, deps: DiagnoseDeps) {
    this.#tag = tag;
    this.#deps = deps;
    this.#place = `${tag.span.table}:${tag.span.start}`;
  }

  async explain(status: string): Promise<string> {
    switch (status) {
      case "IllegalDataAddress":
        return this.#explainAddress();
      case "IllegalFunction":
        return this.#explainTable();
      case "IllegalDataValue":
        return this.#explainCount();
      case "Timeout":
      case "GatewayPathUnavailable":
      case "GatewayTargetDeviceFailedToRespond":
        return this.#explainSilence(status);
      case "InvalidBcd":
        return `The registers at ${this.#place} hold hexadecimal digits above 9, which is no BCD. It is probably no ${this.#type()}: try uint16 or uint32, or another order.`;
      default:
        return (
          explanations[status] ?? `The device answers ${status}. Its manual may say what it means by that.`
        );
    }
  }

  /** Exception 2: the neighbours, the sister table, a shorter read. */
  async #explainAddress(): Promise<string> {
    const { table, start, length } = this.#tag.span;
    const said = `The device has no ${this.#place} (exception 2, illegal data address)`;
    if (length > 1 && (await this.#reads(table, start, 1))) {
      return `${said} as ${length} registers, but ${this.#place} alone answers: ${this.#type()} reaches beyond what the device has there, or it gives fewer registers a request. Check the type, and \`requests.maxRegisters\`.`;
    }
    for (const step of [-1, 1]) {
      const neighbour = start + step;
      const outcome = await this.#ask(table, neighbour, length);
      if (outcome?.kind !== "data") continue;
      const value = this.#tag.decode(outcome.bytes, 0);
      const why =
        step === -1
          ? "many manuals count from 1, addresses here count from 0"
          : "the manual may count from 0 where this address was reckoned from 1";
      return `${said}, but its neighbour ${table}:${neighbour} reads fine (raw value ${plainText(value)}). This looks like an off-by-one: ${why}. Try ${table}:${neighbour}.`;
    }
    const other = sister[table];
    if (await this.#reads(other, start, length)) {
      return `${said}, but ${other}:${start} reads fine. This looks like the wrong table: try ${other}:${start}.`;
    }
    return `${said}, and neither its neighbours nor ${other}:${start} answer. \`linegate browse\` with --from ${table}:0 shows what the device has.`;
  }

  /** Exception 1: the device does not read this table at all. */
  async #explainTable(): Promise<string> {
    const { table, start, length } = this.#tag.span;
    const said = `The device does not know function ${readCodeOf(table)}, which reads the table ${table} (exception 1, illegal function)`;
    const other = sister[table];
    if (await this.#reads(other, start, length)) {
      return `${said}, but ${other}:${start} reads fine. This looks like the wrong table: try ${other}:${start}.`;
    }
    return `${said}. Check in its manual which tables it has.`;
  }

  /** Exception 3: mostly more registers than the device gives at once. */
  async #explainCount(): Promise<string> {
    const { table, start, length } = this.#tag.span;
    const said = `The device refuses a request for ${length} from ${this.#place} on (exception 3, illegal data value)`;
    if (length > 1 && (await this.#reads(table, start, 1))) {
      return `${said}, but a single one answers: it gives fewer at once than ${this.#type()} needs. Check the type.`;
    }
    if (length === 1 && (await this.#reads(table, start, 2))) {
      return `${said}, but two together answer: it wants its registers in pairs. Try a 32-bit type, or a neighbour.`;
    }
    return `${said}. Check the address and the type in its manual.`;
  }

  /** No answer: to this question, or to any? */
  async #explainSilence(status: string): Promise<string> {
    const { unitId } = this.#deps;
    const { table, start } = this.#tag.span;
    const behind =
      status === "Timeout"
        ? ""
        : ` The bridge in front says so (${status === "GatewayPathUnavailable" ? "exception 10: it has no way to the unit, check its own routing" : "exception 11: nothing came back on its line"}).`;
    const elsewhere = [await this.#ask(table, 0, 1), await this.#ask(sister[table], start, 1)];
    const answers = elsewhere.some(
      (outcome) => outcome !== undefined && outcome.kind !== "timeout" && statusOf(outcome) !== status,
    );
    if (answers) {
      return `Unit ${unitId} answers other requests, but not this one. Some devices stay silent where they should answer exception 2: check the address ${this.#place}, or raise \`timeout\`.${behind}`;
    }
    return `Unit ${unitId} answers nothing at all.${behind} Check the unit id (\`linegate browse\` with --units 1..20 looks for the ones that answer), the unit's power, and on serial lines baud rate and parity.`;
  }

  async #reads(table: Table, start: number, length: number): Promise<boolean> {
    return (await this.#ask(table, start, length))?.kind === "data";
  }

  async #ask(table: Table, start: number, length: number): Promise<Outcome | undefined> {
    if (start < 0 || start + length - 1 > lastOffset) return undefined;
    return this.#deps.ask({
      functionCode: readCodeOf(table),
      unit: this.#deps.unitId,
      address: start,
      quantity: isBitTable(table) ? 1 : length,
    });
  }

  #type(): string {
    return formatDataType(typeOf(this.#tag.mapping.options));
  }
}

/** Exceptions that say all there is to know (Modbus V1.1b3 §7). */
const explanations: Readonly<Record<string, string>> = {
  ServerDeviceFailure:
    "The device failed while it carried the request out (exception 4, server device failure). Some answer so to addresses that they do not have; else look at the device's own diagnostics.",
  Acknowledge:
    "The device needs a long time for this request (exception 5, acknowledge). Poll it less often.",
  ServerDeviceBusy:
    "The device is busy (exception 6, server device busy). Poll less often, or set `pauseBetweenRequests`.",
  GarbledAnswer:
    "Something came back that is no answer to this request: another function code, unit or number of values, a wrong checksum, or a frame that breaks off. Some devices answer so where they lack the table or the address: check these in the manual. On a serial line check baud rate, parity and termination, and that no two units have one id.",
  MemoryParityError:
    "The device found its own memory damaged (exception 8, memory parity error). It needs service.",
};

import {
  GatewayError,
  type BrowsedTag,
  type BrowseOptions,
  type Clock,
} from "../../src/adapter-kit/index.ts";
import { isBitTable, lastOffset, parseAddress, tables, type Table } from "./address.ts";
import { isMistake } from "./mistake.ts";
import type { ModbusOptions } from "./mapping.ts";
import { readCodeOf, statusOf, type ModbusRequest, type Outcome } from "./request.ts";

/** Sends one request to a unit and waits for its outcome; rejects where the connection is lost. */
export type Ask = (request: ModbusRequest) => Promise<Outcome>;

export interface BrowseDeps {
  readonly ask: Ask;
  readonly unitId: number;
  readonly options: ModbusOptions;
  readonly clock: Clock;
}

/** How far the search goes where nobody says: most small devices keep all they have below. */
const usualLast = 255;
/** One address more than this asked in vain, and the device is taken for silent. */
const mostTimeouts = 3;

interface Range {
  readonly table: Table;
  readonly start: number;
  /** Inclusive. */
  readonly end: number;
}

/**
 * Finds out which addresses answer, table by table, by reading alone. A refused request is halved until the refused
 * addresses are known; requests stay as short as the device turns out to want them. `from: "unit:1", to: "unit:20"`
 * looks for unit ids instead.
 */
export async function* browseUnit(
  options: BrowseOptions,
  deps: BrowseDeps,
  signal: AbortSignal,
): AsyncIterable<BrowsedTag> {
  const units = unitRange(options);
  if (units !== undefined) {
    yield* browseUnits(units, options, deps, signal);
    return;
  }
  const search = new Search(options, deps, signal);
  for (const range of rangesOf(options)) yield* search.table(range);
}

/** One search: what was learned of the device holds for all its tables. */
class Search {
  readonly #deps: BrowseDeps;
  readonly #pauseMs: number;
  readonly #signal: AbortSignal;
  readonly #most = { bits: 0, registers: 0 };
  #answered = false;
  #timeouts = 0;

  constructor(options: BrowseOptions, deps: BrowseDeps, signal: AbortSignal) {
    this.#deps = deps;
    this.#pauseMs = options.pauseMs ?? 0;
    this.#signal = signal;
    this.#most.bits = deps.options.requests.maxBits;
    this.#most.registers = deps.options.requests.maxRegisters;
  }

  async *table(range: Range): AsyncGenerator<BrowsedTag> {
    let refused: { range: Range; status: string } | undefined;
    for await (const part of this.#parts(range)) {
      if ("status" in part && refused?.status === part.status && refused.range.end + 1 === part.range.start) {
        refused = { status: part.status, range: { ...refused.range, end: part.range.end } };
        continue;
      }
      if (refused !== undefined) yield refusedRun(refused.range, refused.status);
      refused = "status" in part ? part : undefined;
      if ("bytes" in part) yield* valuesOf(part.range, part.bytes);
    }
    if (refused !== undefined) yield refusedRun(refused.range, refused.status);
  }

  /** The range in parts that answer as a whole or not at all, in order. */
  async *#parts({ table, start, end }: Range): AsyncGenerator<Part> {
    const size = isBitTable(table) ? "bits" : "registers";
    for (let at = start; at <= end;) {
      const last = Math.min(end, at + this.#most[size] - 1);
      const block = { table, start: at, end: last };
      const outcome = await this.#read(block);
      if (outcome.kind === "exception" && outcome.code === 1) {
        // The function itself is unknown: no address of this table can answer.
        yield { range: { table, start: at, end }, status: statusOf(outcome) };
        return;
      }
      yield* this.#split(block, outcome);
      at = last + 1;
    }
  }

  async *#split(range: Range, outcome: Outcome): AsyncGenerator<Part> {
    const { table, start, end } = range;
    if (outcome.kind === "data") {
      yield { range, bytes: outcome.bytes };
      return;
    }
    if (start === end || outcome.kind === "timeout") {
      yield { range, status: statusOf(outcome) };
      return;
    }
    const middle = (start + end) >> 1;
    const lower = { table, start, end: middle };
    const upper = { table, start: middle + 1, end };
    const low = await this.#read(lower);
    const high = await this.#read(upper);
    if (low.kind === "data" && high.kind === "data") {
      // Both halves answer, and together they are too much: no request is longer from now on.
      const size = isBitTable(table) ? "bits" : "registers";
      this.#most[size] = Math.min(this.#most[size], middle - start + 1);
    }
    yield* this.#split(lower, low);
    yield* this.#split(upper, high);
  }

  async #read({ table, start, end }: Range): Promise<Outcome> {
    if (this.#pauseMs > 0) await this.#deps.clock.sleep(this.#pauseMs, this.#signal);
    this.#signal.throwIfAborted();
    const { ask, unitId } = this.#deps;
    const outcome = await ask({
      functionCode: readCodeOf(table),
      unit: unitId,
      address: start,
      quantity: end - start + 1,
    });
    if (outcome.kind !== "timeout") {
      this.#answered = true;
      this.#timeouts = 0;
      return outcome;
    }
    this.#timeouts += 1;
    if (this.#answered || this.#timeouts < mostTimeouts) return outcome;
    throw new GatewayError(
      "DEVICE_TIMEOUT",
      `Unit ${unitId} answers nothing at all. Check the unit id; \`--units 1..20\` looks for the ones that answer.`,
      { context: { unit: unitId } },
    );
  }
}

type Part =
  | { readonly range: Range; readonly bytes: Buffer }
  | { readonly range: Range; readonly status: string };

function* valuesOf({ table, start, end }: Range, bytes: Buffer): Generator<BrowsedTag> {
  const bits = isBitTable(table);
  for (let offset = start; offset <= end; offset += 1) {
    const index = offset - start;
    const value = bits ? ((bytes[index >> 3] ?? 0) >> (index & 7)) % 2 === 1 : bytes.readUInt16BE(2 * index);
    yield {
      name: `${table}/${offset}`,
      entry: { address: `${table}:${offset}`, type: bits ? "bool" : "uint16" },
      writable: table === "coil" || table === "holding",
      value,
    };
  }
}

function refusedRun({ table, start, end }: Range, status: string): BrowsedTag {
  return {
    name: start === end ? `${table}/${start}` : `${table}/${start}-${end}`,
    entry: { address: start === end ? `${table}:${start}` : `${table}:${start}..${end}` },
    writable: false,
    status,
  };
}

/** Which unit ids answer: anything but silence is an answer, an exception too. */
async function* browseUnits(
  { first, last }: { first: number; last: number },
  { pauseMs = 0 }: BrowseOptions,
  { ask, clock }: BrowseDeps,
  signal: AbortSignal,
): AsyncGenerator<BrowsedTag> {
  for (let unit = first; unit <= last; unit += 1) {
    if (pauseMs > 0) await clock.sleep(pauseMs, signal);
    signal.throwIfAborted();
    const outcome = await ask({ functionCode: 3, unit, address: 0, quantity: 1 });
    const silent =
      outcome.kind === "timeout" || (outcome.kind === "exception" && [10, 11].includes(outcome.code));
    yield {
      name: `unit/${unit}`,
      entry: { unitId: unit },
      writable: false,
      status: silent ? statusOf(outcome) : "Answers",
    };
  }
}

function unitRange({ from, to }: BrowseOptions): { first: number; last: number } | undefined {
  if (from?.startsWith("unit:") !== true) return undefined;
  const first = Number(from.slice(5));
  const last = to === undefined ? first : Number(to.replace(/^unit:/, ""));
  if ([first, last].every((id) => Number.isInteger(id) && id >= 0 && id <= 255) && first <= last) {
    return { first, last };
  }
  throw new GatewayError(
    "CONFIG_INVALID",
    `${from} to ${to}: expected unit ids from 0 to 255, such as 1..20.`,
  );
}

/** From one address to another of the same table; without either all four tables from 0 to 255. */
function rangesOf({ from, to }: BrowseOptions): readonly Range[] {
  const wholeTable = tables.find((table) => table === from);
  if (wholeTable !== undefined) return [{ table: wholeTable, start: 0, end: endOf(wholeTable, to, 0) }];
  if (from === undefined && to === undefined)
    return tables.map((table) => ({ table, start: 0, end: usualLast }));
  if (from === undefined)
    return rangesOf({ from: `${(to ?? "").split(":")[0]}:0`, ...(to === undefined ? {} : { to }) });
  const address = parseAddress(from);
  if (isMistake(address) || address.bit !== undefined) throw unclear(from);
  const { table, offset } = address;
  return [{ table, start: offset, end: endOf(table, to, offset) }];
}

function endOf(table: Table, to: string | undefined, start: number): number {
  if (to === undefined) return Math.min(lastOffset, start + usualLast);
  const address = parseAddress(/^\d{1,5}$/.test(to) && !/^[134]\d{4}$/.test(to) ? `${table}:${to}` : to);
  if (isMistake(address) || address.table !== table || address.offset < start) throw unclear(to);
  return address.offset;
}

function unclear(text: string): GatewayError {
  return new GatewayError(
    "CONFIG_INVALID",
    `${text} is no end of a search. Allowed: --from holding:0 --to holding:200, both in one table (holding, input, coil, discrete), the end not before the start.`,
  );
}

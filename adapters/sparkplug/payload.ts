import { GatewayError } from "../../src/adapter-kit/index.ts";
import { WireReader, type Uint64 } from "./wire.ts";

/** Which member of the `value` oneof carries a value, in the order in which all messages of the schema number them. */
const scalarKinds = ["int", "long", "float", "double", "boolean", "string"] as const;

export type ValueKind = (typeof scalarKinds)[number] | "bytes" | "dataset" | "template";

/** A value as it stood on the wire: what it means is the datatype's. */
export interface WireValue {
  readonly kind: ValueKind;
  readonly value: Uint64 | boolean | string | Buffer | WireDataSet | WireTemplate;
}

/** One metric of a payload, Sparkplug 3.0 §6.4.6. */
export interface WireMetric {
  readonly name: string | undefined;
  readonly alias: Uint64 | undefined;
  /** Milliseconds since the Unix epoch, as it was sent. */
  readonly timestamp: number | undefined;
  /** 0 where it was not sent. */
  readonly datatype: number;
  readonly historical: boolean;
  readonly isNull: boolean;
  /** The property `Quality` (§6.4.9), where it was sent. */
  readonly quality: number | undefined;
  readonly value: WireValue | undefined;
}

/** §6.4.11 */
export interface WireDataSet {
  readonly columns: readonly string[];
  readonly types: readonly number[];
  readonly rows: readonly (readonly (WireValue | undefined)[])[];
}

/** §6.4.13 */
export interface WireTemplate {
  readonly version: string | undefined;
  readonly reference: string | undefined;
  readonly isDefinition: boolean;
  readonly metrics: readonly WireMetric[];
  readonly parameters: readonly {
    readonly name: string;
    readonly type: number;
    readonly value: WireValue | undefined;
  }[];
}

/** §6.4.5 */
export interface WirePayload {
  readonly timestamp: number | undefined;
  readonly seq: number | undefined;
  readonly metrics: readonly WireMetric[];
}

/** Templates within templates deeper than this are nobody's machine. */
const deepest = 8;
/** One payload may not make more objects than this, however short its bytes are. */
const mostParts = 100_000;

/** How much of a payload may still be made into objects. */
interface Budget {
  parts: number;
}

/** Reads a Sparkplug B payload; throws PROTOCOL_VIOLATION where it is none, or has no measure. */
export function decodePayload(bytes: Buffer): WirePayload {
  const reader = new WireReader(bytes);
  const budget = { parts: mostParts };
  const metrics: WireMetric[] = [];
  let timestamp: number | undefined;
  let seq: number | undefined;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) timestamp = timeOf(reader.uint64());
    else if (field === 2) metrics.push(metricOf(reader.message(), budget, 0));
    else if (field === 3) seq = Number(reader.uint64());
    else reader.skip();
  }
  return { timestamp, seq, metrics };
}

function metricOf(reader: WireReader, budget: Budget, depth: number): WireMetric {
  spend(budget);
  let name: string | undefined;
  let alias: Uint64 | undefined;
  let timestamp: number | undefined;
  let datatype = 0;
  let historical = false;
  let isNull = false;
  let quality: number | undefined;
  let value: WireValue | undefined;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) name = reader.text();
    else if (field === 2) alias = reader.uint64();
    else if (field === 3) timestamp = timeOf(reader.uint64());
    else if (field === 4) datatype = reader.uint32();
    else if (field === 5) historical = reader.bool();
    else if (field === 7) isNull = reader.bool();
    else if (field === 9) quality = qualityOf(reader.message(), budget);
    else if (field >= 10 && field <= 15) value = scalarOf(reader, field - 10);
    else if (field === 16) value = { kind: "bytes", value: reader.bytes() };
    else if (field === 17) value = { kind: "dataset", value: dataSetOf(reader.message(), budget) };
    else if (field === 18)
      value = { kind: "template", value: templateOf(reader.message(), budget, depth + 1) };
    else reader.skip();
  }
  return { name, alias, timestamp, datatype, historical, isNull, quality, value };
}

/** The n-th member of a `value` oneof, counted from `int_value`. */
function scalarOf(reader: WireReader, member: number): WireValue | undefined {
  const kind = scalarKinds[member];
  if (kind === undefined) {
    reader.skip();
    return undefined;
  }
  switch (kind) {
    case "int":
      return { kind, value: reader.uint32() };
    case "long":
      return { kind, value: reader.uint64() };
    case "float":
      return { kind, value: reader.float() };
    case "double":
      return { kind, value: reader.double() };
    case "boolean":
      return { kind, value: reader.bool() };
    case "string":
      return { kind, value: reader.text() };
  }
}

/** The value of the property `Quality`; all other properties are passed over. */
function qualityOf(reader: WireReader, budget: Budget): number | undefined {
  const keys: string[] = [];
  const values: (number | undefined)[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    spend(budget);
    if (field === 1) keys.push(reader.text());
    else if (field === 2) values.push(integerProperty(reader.message()));
    else reader.skip();
  }
  const at = keys.indexOf("Quality");
  return at < 0 ? undefined : values[at];
}

function integerProperty(reader: WireReader): number | undefined {
  let value: number | undefined;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 3) value = reader.uint32() | 0;
    else if (field === 4) value = Number(reader.uint64());
    else reader.skip();
  }
  return value;
}

function dataSetOf(reader: WireReader, budget: Budget): WireDataSet {
  const columns: string[] = [];
  const types: number[] = [];
  const rows: (readonly (WireValue | undefined)[])[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    spend(budget);
    if (field === 2) columns.push(reader.text());
    else if (field === 3) reader.uint32s(types);
    else if (field === 4) rows.push(rowOf(reader.message(), budget));
    else reader.skip();
  }
  return { columns, types, rows };
}

function rowOf(reader: WireReader, budget: Budget): (WireValue | undefined)[] {
  const elements: (WireValue | undefined)[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    spend(budget);
    if (field === 1) elements.push(elementOf(reader.message()));
    else reader.skip();
  }
  return elements;
}

function elementOf(reader: WireReader): WireValue | undefined {
  let value: WireValue | undefined;
  for (let field = reader.next(); field !== 0; field = reader.next()) value = scalarOf(reader, field - 1);
  return value;
}

function templateOf(reader: WireReader, budget: Budget, depth: number): WireTemplate {
  if (depth > deepest) tooMuch(`templates are nested more than ${deepest} deep`);
  let version: string | undefined;
  let reference: string | undefined;
  let isDefinition = false;
  const metrics: WireMetric[] = [];
  const parameters: WireTemplate["parameters"][number][] = [];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) version = reader.text();
    else if (field === 2) metrics.push(metricOf(reader.message(), budget, depth));
    else if (field === 3) parameters.push(parameterOf(reader.message(), budget));
    else if (field === 4) reference = reader.text();
    else if (field === 5) isDefinition = reader.bool();
    else reader.skip();
  }
  return { version, reference, isDefinition, metrics, parameters };
}

function parameterOf(reader: WireReader, budget: Budget): WireTemplate["parameters"][number] {
  spend(budget);
  let name = "";
  let type = 0;
  let value: WireValue | undefined;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) name = reader.text();
    else if (field === 2) type = reader.uint32();
    else value = scalarOf(reader, field - 3);
  }
  return { name, type, value };
}

function timeOf(value: Uint64): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function spend(budget: Budget): void {
  budget.parts -= 1;
  if (budget.parts < 0) tooMuch(`more than ${mostParts} metrics, rows and elements`);
}

function tooMuch(what: string): never {
  throw new GatewayError("PROTOCOL_VIOLATION", `A Sparkplug payload without measure: ${what}.`);
}

import type { Table } from "./address.ts";

/** One request to one unit, before it is encoded. */
export type ModbusRequest =
  | {
      readonly functionCode: 1 | 2 | 3 | 4;
      readonly unit: number;
      readonly address: number;
      readonly quantity: number;
    }
  | { readonly functionCode: 5; readonly unit: number; readonly address: number; readonly state: boolean }
  | { readonly functionCode: 6; readonly unit: number; readonly address: number; readonly value: number }
  | {
      readonly functionCode: 15;
      readonly unit: number;
      readonly address: number;
      readonly states: readonly boolean[];
    }
  | { readonly functionCode: 16; readonly unit: number; readonly address: number; readonly registers: Buffer }
  | {
      readonly functionCode: 22;
      readonly unit: number;
      readonly address: number;
      readonly andMask: number;
      readonly orMask: number;
    };

/** How a request ended while the connection lives. A lost connection is an exception instead. */
export type Outcome =
  | {
      readonly kind: "data";
      /** The registers or packed bits that were read; empty for a write. */
      readonly bytes: Buffer;
    }
  | { readonly kind: "exception"; readonly code: number }
  | { readonly kind: "timeout" }
  /** Something came that is no answer to the request, and the next one can be asked all the same. */
  | { readonly kind: "garbled"; readonly what: string };

const readCodes: Readonly<Record<Table, 1 | 2 | 3 | 4>> = { coil: 1, discrete: 2, holding: 3, input: 4 };

/** The function code that reads the table. */
export function readCodeOf(table: Table): 1 | 2 | 3 | 4 {
  return readCodes[table];
}

/** The request's name in figures and logs, such as `readHoldingRegisters`. */
export function kindOf(request: ModbusRequest): string {
  switch (request.functionCode) {
    case 1:
      return "readCoils";
    case 2:
      return "readDiscreteInputs";
    case 3:
      return "readHoldingRegisters";
    case 4:
      return "readInputRegisters";
    case 5:
      return "writeSingleCoil";
    case 6:
      return "writeSingleRegister";
    case 15:
      return "writeMultipleCoils";
    case 16:
      return "writeMultipleRegisters";
    case 22:
      return "maskWriteRegister";
  }
}

/** Exception codes of Modbus V1.1b3 §7, as the statuses of samples. */
const exceptionNames: Readonly<Record<number, string>> = {
  1: "IllegalFunction",
  2: "IllegalDataAddress",
  3: "IllegalDataValue",
  4: "ServerDeviceFailure",
  5: "Acknowledge",
  6: "ServerDeviceBusy",
  8: "MemoryParityError",
  10: "GatewayPathUnavailable",
  11: "GatewayTargetDeviceFailedToRespond",
};

/** The exception's name; `Exception7` for a code that the specification does not know. */
export function exceptionName(code: number): string {
  return exceptionNames[code] ?? `Exception${code}`;
}

/** True where a write may have been carried out all the same: it goes on (5), or the bridge lost the answer (11). */
export function leavesOpen(exception: number): boolean {
  return exception === 5 || exception === 11;
}

/** True where the unit itself gave no clear answer: a bridge that says so with exception 10 or 11 is no unit. */
export function isSilence(outcome: Outcome): boolean {
  return (
    outcome.kind === "timeout" ||
    outcome.kind === "garbled" ||
    (outcome.kind === "exception" && (outcome.code === 10 || outcome.code === 11))
  );
}

/** The status of samples whose request did not bring data. */
export function statusOf(outcome: Outcome): string {
  switch (outcome.kind) {
    case "data":
      return "";
    case "exception":
      return exceptionName(outcome.code);
    case "timeout":
      return "Timeout";
    case "garbled":
      return "GarbledAnswer";
  }
}

import { RegisterTable, Table } from "./tables.ts";

/** The most that one request may ask for; defaults are those of Modbus V1.1b3 §6. More answers exception 3. */
export interface UnitLimits {
  readonly readBits: number;
  readonly readRegisters: number;
  readonly writeBits: number;
  readonly writeRegisters: number;
}

export interface UnitOptions {
  readonly limits?: Partial<UnitLimits>;
  /** Function codes that the unit answers; others get exception 1. */
  readonly functions?: readonly number[];
  /** Objects of the device identification (FC 43/14) by id: vendor, product code, revision. */
  readonly identification?: Readonly<Record<number, string>>;
}

/** What a client has written. */
export interface UnitWrite {
  readonly unit: number;
  readonly table: "coil" | "holding";
  readonly address: number;
  /** One a cell; bits as 0 and 1. */
  readonly values: readonly number[];
}

const allFunctions = [1, 2, 3, 4, 5, 6, 15, 16, 22, 23, 43];

/** One unit id: its four tables, its limits, and who wants to know of writes. */
export class Unit {
  readonly id: number;
  readonly coil = new Table("coil");
  readonly discrete = new Table("discrete");
  readonly holding = new RegisterTable("holding");
  readonly input = new RegisterTable("input");
  readonly limits: UnitLimits;
  readonly functions: Set<number>;
  readonly identification: Readonly<Record<number, string>>;
  readonly #listeners = new Set<(write: UnitWrite) => void>();

  constructor(id: number, options: UnitOptions = {}) {
    this.id = id;
    this.limits = {
      readBits: 2_000,
      readRegisters: 125,
      writeBits: 1_968,
      writeRegisters: 123,
      ...options.limits,
    };
    this.functions = new Set(options.functions ?? allFunctions);
    this.identification = options.identification ?? { 0: "Linegate", 1: "modbus-simulator", 2: "1.0" };
  }

  /** Calls back after each write of a client has been stored; returns the way to stop. */
  onWrite(listener: (write: UnitWrite) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Stores what a client wrote and tells the listeners. */
  store(table: "coil" | "holding", address: number, values: readonly number[]): void {
    this[table].set(address, ...values);
    for (const listener of this.#listeners) listener({ unit: this.id, table, address, values });
  }
}

import { corrupt, type ByteReader, type ByteWriter } from "./bytes.ts";
import { readIntegers, writeIntegers } from "./integer-column.ts";

/** Rows of whole numbers, written field by field: what is alike lies together. */
export class Table<Field extends string> {
  readonly #fields: readonly Field[];
  readonly #rows: Readonly<Record<Field, number>>[] = [];

  constructor(fields: readonly Field[]) {
    this.#fields = fields;
  }

  add(row: Readonly<Record<Field, number>>): void {
    this.#rows.push(row);
  }

  /** Stops after each field. */
  *writeSteps(writer: ByteWriter): Generator<void, void> {
    writer.varint(this.#rows.length);
    for (const field of this.#fields) {
      writeIntegers(
        writer,
        this.#rows.map((row) => row[field]),
      );
      yield;
    }
  }
}

/** Throws where a number is negative. */
export function readTable<Field extends string>(
  reader: ByteReader,
  fields: readonly Field[],
): readonly Readonly<Record<Field, number>>[] {
  const count = reader.varint();
  const columns = fields.map((field) => {
    reader.spend(count);
    const values = readIntegers(reader, count);
    if (values.some((value) => value < 0)) throw corrupt(`${field} is negative`);
    return [field, values] as const;
  });
  return Array.from(
    { length: count },
    (_, row) =>
      Object.fromEntries(columns.map(([field, values]) => [field, values[row] ?? 0])) as Record<
        Field,
        number
      >,
  );
}

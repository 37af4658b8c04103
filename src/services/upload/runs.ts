import { corrupt, type ByteReader, type ByteWriter } from "./bytes.ts";

/** Runs of equal entries: how many, and for each its length and its code. */
export function writeRuns<T>(writer: ByteWriter, values: readonly T[], writeCode: (value: T) => void): void {
  const starts: number[] = [];
  for (const [index, value] of values.entries()) {
    if (index === 0 || value !== values[index - 1]) starts.push(index);
  }
  writer.varint(starts.length);
  for (const [index, start] of starts.entries()) {
    writer.varint((starts[index + 1] ?? values.length) - start);
    writeCode(values[start] as T);
  }
}

/** Throws where the runs do not make `count` entries. */
export function readRuns<T>(reader: ByteReader, count: number, readCode: () => T): T[] {
  const runs = reader.count(2);
  const values: T[] = [];
  for (let run = 0; run < runs; run += 1) {
    const length = reader.varint();
    if (values.length + length > count) throw corrupt("its runs are longer than its series");
    const value = readCode();
    for (let index = 0; index < length; index += 1) values.push(value);
  }
  if (values.length !== count) throw corrupt("its runs are shorter than its series");
  return values;
}

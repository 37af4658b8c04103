declare const bytes: unique symbol;

/** A number of bytes. Branded like Duration. */
export type ByteSize = number & { readonly [bytes]: true };

const unitBytes: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** What the mapping files allow, in the words of an error message. */
export const byteSizeForm = "a size with its unit, such as 64KB, 256MB, 4GB or 512MiB";

/** A number of bytes as a ByteSize. */
export function byteSize(value: number): ByteSize {
  return value as ByteSize;
}

/** Reads `64KB`, `1.5MB`, `4GB`, `512MiB`; undefined where the text is anything else. */
export function parseByteSize(text: string): ByteSize | undefined {
  const match = /^(\d+(?:\.\d+)?)\s?([A-Za-z]+)$/.exec(text.trim());
  const factor = match?.[2] === undefined ? undefined : unitBytes[match[2]];
  if (match?.[1] === undefined || factor === undefined) return undefined;
  return byteSize(Math.round(Number(match[1]) * factor));
}

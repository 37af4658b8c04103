import type { WirePayload } from "./payload.ts";

/** Sessions are counted from 0 to 255 and begin again. A node that counts ahead in its death dies all the same. */
export function isEarlier(session: number | undefined, than: number | undefined): boolean {
  if (session === undefined || than === undefined) return false;
  const distance = (than - session + 256) % 256;
  return distance > 0 && distance < 128;
}

/** `bdSeq`, which ties a death to its birth (§6.4.19). */
export function sessionOf({ metrics }: WirePayload): number | undefined {
  const value = metrics.find(({ name }) => name === "bdSeq")?.value?.value;
  return typeof value === "number" || typeof value === "bigint" ? Number(value) : undefined;
}

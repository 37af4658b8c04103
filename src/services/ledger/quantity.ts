/** The largest balance and quantity, in the smallest units: 15 decimal digits are exact in a double. */
const mostUnits = 1e15;
const decimalForm = /^-?\d{1,15}(\.\d{1,15})?$/;

/**
 * A quantity in the smallest units that the ledger knows, so that sums are exact: 0.35 with three decimals is 350. Undefined
 * for what is no number, is too large, or is finer than the ledger.
 *
 * @param given a number, or a text such as "2.000", as tills send it
 */
export function toUnits(given: unknown, decimals: number): number | undefined {
  const number = typeof given === "string" && decimalForm.test(given) ? Number(given) : given;
  if (typeof number !== "number" || !Number.isFinite(number)) return undefined;
  const scaled = number * 10 ** decimals;
  const units = Math.round(scaled);
  // What a till reckoned in binary, such as 0.30000000000000004, is meant as 0.3.
  const isWhole = Math.abs(scaled - units) <= 1e-6;
  return isWhole && isSum(units) ? units + 0 : undefined;
}

export function fromUnits(units: number, decimals: number): number {
  return units / 10 ** decimals;
}

/** True where a sum of units is still exact. */
export function isSum(units: number): boolean {
  return Math.abs(units) <= mostUnits;
}

import { pointerPath, valueAt } from "../../adapter-kit/json-pointer.ts";
import type { LedgerSource } from "../../config/ledger.ts";
import { isSegment, segmentForm } from "../../domain/tag-path.ts";
import { isSum, toUnits } from "./quantity.ts";

/** What a message books: the articles with their quantities in the smallest units, or why nothing of it can be booked. */
export type ReadLines =
  | { readonly lines: ReadonlyMap<string, number> }
  /** In words, for people; `line` from 1. */
  | { readonly refused: string; readonly line?: number };

const longestName = 64;

/** The lines of a message, all or none; what it says of one article in several lines is added up. */
export function readLines(source: LedgerSource, document: unknown, decimals: number): ReadLines {
  const found = valueAt(document, pointerPath(source.items));
  if (typeof found !== "object" || found === null)
    return { refused: `there are no lines at ${JSON.stringify(source.items)}` };
  const items: readonly unknown[] = Array.isArray(found) ? found : [found];
  const lines = new Map<string, number>();
  for (const [index, item] of items.entries()) {
    const line = index + 1;
    const article = articleOf(valueAt(item, pointerPath(source.key)));
    if (article === undefined)
      return { refused: `there is no article at ${source.key}: expected ${segmentForm}`, line };
    const given = source.quantity === undefined ? 1 : valueAt(item, pointerPath(source.quantity));
    const units = toUnits(given, decimals);
    if (units === undefined) return { refused: wrongQuantity(given, decimals), line };
    const sum = (lines.get(article) ?? 0) + units;
    if (source.kind === "count" && lines.has(article))
      return { refused: `${article} is counted twice`, line };
    if (source.kind === "count" && units < 0)
      return { refused: `${article} can't be counted as less than nothing`, line };
    if (!isSum(sum)) return { refused: `the quantities of ${article} are too large`, line };
    lines.set(article, sum);
  }
  return { lines };
}

/** Article numbers are texts; a whole number is taken for the digits that it is written with. */
function articleOf(given: unknown): string | undefined {
  const text = typeof given === "number" && Number.isSafeInteger(given) ? String(given) : given;
  if (typeof text !== "string" || text.length > longestName || !isSegment(text)) return undefined;
  return text;
}

function wrongQuantity(given: unknown, decimals: number): string {
  const shown = given === undefined ? "nothing" : JSON.stringify(given).slice(0, 40);
  const most = decimals === 0 ? "a whole number" : `a number with at most ${decimals} decimals`;
  return `${shown} is no quantity: expected ${most}`;
}

import { nearestName } from "../../src/adapter-kit/index.ts";
import { mistake, type Mistake } from "./mistake.ts";

/** The canonical names of an order: the bytes of a value, A the most significant, as they come over the wire. */
export type Order =
  | "AB"
  | "BA"
  | "ABCD"
  | "CDAB"
  | "BADC"
  | "DCBA"
  | "ABCDEFGH"
  | "GHEFCDAB"
  | "BADCFEHG"
  | "HGFEDCBA";

/** How the characters of a string stand in each register: `AB` the first in the high byte, `BA` in the low byte. */
export type StringOrder = "AB" | "BA";

/** What an order means, whatever the number of bytes it is written for. */
export interface Layout {
  /** The register with the least significant bits comes first. */
  readonly wordsSwapped: boolean;
  /** The less significant byte of each register comes first. */
  readonly bytesSwapped: boolean;
}

const layouts: Readonly<Record<Order, Layout>> = {
  AB: { wordsSwapped: false, bytesSwapped: false },
  BA: { wordsSwapped: false, bytesSwapped: true },
  ABCD: { wordsSwapped: false, bytesSwapped: false },
  CDAB: { wordsSwapped: true, bytesSwapped: false },
  BADC: { wordsSwapped: false, bytesSwapped: true },
  DCBA: { wordsSwapped: true, bytesSwapped: true },
  ABCDEFGH: { wordsSwapped: false, bytesSwapped: false },
  GHEFCDAB: { wordsSwapped: true, bytesSwapped: false },
  BADCFEHG: { wordsSwapped: false, bytesSwapped: true },
  HGFEDCBA: { wordsSwapped: true, bytesSwapped: true },
};

/** Every canonical name. */
export const orders: readonly [Order, ...Order[]] = [
  "AB",
  "BA",
  "ABCD",
  "CDAB",
  "BADC",
  "DCBA",
  "ABCDEFGH",
  "GHEFCDAB",
  "BADCFEHG",
  "HGFEDCBA",
];

/**
 * The names that manuals and other gateways use for the four orders, with hyphens. Left out on purpose: `#LL` and
 * its like and the digits `4321`, which mean different orders in different products.
 */
export const orderAliases: Readonly<Record<string, Order>> = {
  big: "ABCD",
  be: "ABCD",
  "big-endian": "ABCD",
  motorola: "ABCD",
  network: "ABCD",
  "high-word-first": "ABCD",
  "msw-first": "ABCD",
  word: "CDAB",
  "word-swap": "CDAB",
  "low-word-first": "CDAB",
  "lsw-first": "CDAB",
  "mid-little-endian": "CDAB",
  "little-endian-swap": "CDAB",
  "little-endian-byte-swap": "CDAB",
  byte: "BADC",
  "byte-swap": "BADC",
  "mid-big-endian": "BADC",
  "big-endian-swap": "BADC",
  "big-endian-byte-swap": "BADC",
  little: "DCBA",
  le: "DCBA",
  "little-endian": "DCBA",
  intel: "DCBA",
  "word-byte-swap": "DCBA",
  "byte-word-swap": "DCBA",
};

const orderForm =
  "ABCD, CDAB, BADC or DCBA; AB or BA for 16 bits; ABCDEFGH, GHEFCDAB, BADCFEHG or HGFEDCBA for 64 bits; " +
  "or a usual name such as big-endian, little-endian, word-swap or byte-swap";

/** Reads a canonical name or an alias, in any case; spaces and underscores count as hyphens. */
export function parseOrder(text: string): Order | Mistake {
  const word = text.trim();
  const canonical = orders.find((order) => order === word.toUpperCase());
  if (canonical !== undefined) return canonical;
  const alias = word
    .toLowerCase()
    .replaceAll(/[\s_-]+/g, "-")
    .replace(/swapped$/, "swap");
  const known = Object.hasOwn(orderAliases, alias) ? orderAliases[alias] : undefined;
  if (known !== undefined) return known;
  const nearest = nearestName(alias, [...orders, ...Object.keys(orderAliases)]);
  return mistake(`there is no order ${text}`, orderForm, nearest);
}

/** Reads the order of the characters of a string: `AB`, or `BA` where the device swaps them in each register. */
export function parseStringOrder(text: string): StringOrder | Mistake {
  const order = parseOrder(text);
  if (order === "AB" || order === "ABCD") return "AB";
  if (order === "BA" || order === "BADC") return "BA";
  return mistake(
    `there is no order ${text} for strings`,
    "AB (the first character in the high byte) or BA (the characters of each register swapped)",
  );
}

/** What the order means, for a value of any size. */
export function layoutOf(order: Order): Layout {
  return layouts[order];
}

/** The order's canonical name for a value of so many bytes: `CDAB` for 8 bytes is `GHEFCDAB`. */
export function orderFor(order: Order, bytes: number): Order {
  const { wordsSwapped, bytesSwapped } = layouts[order];
  const fits = orders.filter((candidate) => candidate.length === bytes);
  const same = fits.find(
    (candidate) =>
      layouts[candidate].bytesSwapped === bytesSwapped &&
      (bytes === 2 || layouts[candidate].wordsSwapped === wordsSwapped),
  );
  return same ?? order;
}

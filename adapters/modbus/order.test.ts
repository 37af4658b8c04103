import { expect, test } from "vitest";
import { orderAliases, orderFor, orders, parseOrder, parseStringOrder } from "./order.ts";

test.each(orders)("%s is read in any case", (order) => {
  expect(parseOrder(order)).toBe(order);
  expect(parseOrder(` ${order.toLowerCase()} `)).toBe(order);
});

test.each([
  ["big-endian", "ABCD"],
  ["Big Endian", "ABCD"],
  ["MOTOROLA", "ABCD"],
  ["little_endian", "DCBA"],
  ["Intel", "DCBA"],
  ["word-swap", "CDAB"],
  ["Word Swapped", "CDAB"],
  ["byte-swap", "BADC"],
  ["little-endian byte swap", "CDAB"],
  ["big-endian-swap", "BADC"],
  ["mid-little-endian", "CDAB"],
])("%s is %s", (alias, order) => {
  expect(parseOrder(alias)).toBe(order);
});

test("every alias names one of the four orders, and none is a canonical name", () => {
  for (const [alias, order] of Object.entries(orderAliases)) {
    expect(parseOrder(alias)).toBe(order);
    expect(["ABCD", "CDAB", "BADC", "DCBA"]).toContain(order);
  }
});

test.each([
  ["CDBA", true],
  ["ABDC", true],
  ["litle-endian", true],
  ["#LL", false],
  ["4321", false],
  ["constructor", false],
])("%s is a mistake; something near is offered: %s", (text, near) => {
  const parsed = parseOrder(text);
  expect(parsed).toMatchObject({ allowed: expect.stringContaining("ABCD") });
  expect(typeof parsed === "object" && parsed.meant !== undefined).toBe(near);
});

test.each([
  ["ABCD", 8, "ABCDEFGH"],
  ["CDAB", 8, "GHEFCDAB"],
  ["BADC", 8, "BADCFEHG"],
  ["DCBA", 8, "HGFEDCBA"],
  ["GHEFCDAB", 4, "CDAB"],
  ["CDAB", 2, "AB"],
  ["BADC", 2, "BA"],
  ["DCBA", 2, "BA"],
  ["DCBA", 4, "DCBA"],
] as const)("%s for %i bytes is %s", (order, bytes, name) => {
  expect(orderFor(order, bytes)).toBe(name);
});

test("strings know two orders only", () => {
  expect(parseStringOrder("ab")).toBe("AB");
  expect(parseStringOrder("byte-swap")).toBe("BA");
  expect(parseStringOrder("CDAB")).toMatchObject({ allowed: expect.stringContaining("BA") });
});

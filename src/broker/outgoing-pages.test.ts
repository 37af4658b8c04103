import { expect, test } from "vitest";
import { OutgoingPages } from "./outgoing-pages.ts";

test("many small chunks wait in few pages and come out in order", () => {
  const outgoing = new OutgoingPages();
  const chunks = Array.from({ length: 20_000 }, (_, index) => Buffer.from(`reading ${index};`));
  const large = Buffer.alloc(20_000, 1);
  for (const chunk of [...chunks, large, ...chunks]) outgoing.append(chunk);
  const all = Buffer.concat([...chunks, large, ...chunks]);
  expect(outgoing.bytes).toBe(all.length);
  expect(outgoing.pages).toBeLessThanOrEqual(Math.ceil(all.length / 16_384) + 2);
  const taken: Buffer[] = [];
  for (let page = outgoing.take(); page !== undefined; page = outgoing.take()) taken.push(page);
  expect(Buffer.concat(taken).equals(all)).toBe(true);
  expect(outgoing).toMatchObject({ bytes: 0, pages: 0 });
});

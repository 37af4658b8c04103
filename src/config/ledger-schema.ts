import * as z from "zod";
import { isPointer } from "../adapter-kit/json-pointer.ts";
import { isPath } from "../domain/tag-path.ts";
import { segmentField } from "./site-fields.ts";

const pointer = z.string().refine(isPointer, "expected a JSON Pointer, such as /sku");

/** An entry of `in`, `out` and `counts`. */
export const ledgerSourceSchema = z.strictObject({
  tag: z
    .string()
    .refine(
      (text) => text.includes("/") && isPath(text.replaceAll(/\{\d+\}/g, "x")),
      "expected a device and its tag, such as pos/transaction",
    )
    .describe("The durable tag whose messages are booked, as its device file names it")
    .meta({ examples: ["pos/transaction", "pos/{1}/sale"] }),
  items: pointer
    .default("")
    .describe("Where in a message its lines stand: a list, or one line; absent: the message is one line"),
  key: pointer.describe("Where in a line the article stands"),
  quantity: pointer
    .optional()
    .describe("Where in a line its quantity stands; absent: each line is one piece"),
});

const sources = z.array(ledgerSourceSchema);

export const ledgerSchema = z
  .strictObject({
    description: z.string().optional().describe("What the balances are, for people"),
    unit: z.string().optional().describe("Of the balances, such as pcs or kg"),
    decimals: z
      .int()
      .min(0)
      .max(6)
      .default(0)
      .describe("Digits behind the point of a quantity: 3 for weights in kg; sums are exact"),
    articles: z
      .int()
      .min(1)
      .max(10_000)
      .default(5_000)
      .describe("So many articles and no more: a message with one article beyond it is refused"),
    out: sources.default([]).describe("What takes from the balances, such as sales"),
    in: sources.default([]).describe("What adds to them, such as deliveries"),
    counts: sources
      .default([])
      .describe("What sets them, such as a stocktaking; what happened before it is in it already"),
  })
  .refine((given) => given.out.length + given.in.length + given.counts.length > 0, {
    error: "nothing is ever booked in this ledger",
    params: { allowed: "at least one entry in out, in or counts" },
  });

/** `ledger.yaml`, as it is written. */
export const ledgersSchema = z.strictObject({
  ledgers: z
    .record(segmentField, ledgerSchema)
    .describe("The ledgers by name; each is a device of that name with one tag for each article"),
});

export type LedgerEntry = z.output<typeof ledgerSchema>;

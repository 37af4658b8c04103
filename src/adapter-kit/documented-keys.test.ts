import { expect, test } from "vitest";
import * as z from "zod";
import { documentedKeys, schemaKeys } from "./documented-keys.ts";

const schema = z.discriminatedUnion("transport", [
  z.strictObject({ transport: z.literal("tcp"), host: z.string(), port: z.int().default(502) }),
  z.strictObject({
    transport: z.literal("rtu"),
    line: z.strictObject({ baud: z.int().default(9_600), parity: z.string().optional() }).prefault({}),
    holes: z.array(z.string()).prefault([]),
  }),
]);

test("a schema's keys are found in every form of it, nested ones with the keys above", () => {
  expect(schemaKeys(schema)).toEqual([
    { key: "holes", default: "[]" },
    { key: "host", default: "required" },
    { key: "line.baud", default: "9600" },
    { key: "line.parity", default: "–" },
    { key: "port", default: "502" },
    { key: "transport", default: "required" },
  ]);
});

const readme = `# Modbus
## Connection
Some text.

| Key | Default | Meaning |
|---|---|---|
| \`port\` | \`502\` | TCP port, not \`503\` |
| \`host\` | required | Its name |

| \`other\` | table | |
## Tags
No table.
## Further
| Key | Default | Meaning |
| \`unit\` | – | |
`;

test("a README's keys are the rows of the first table below the heading", () => {
  expect(documentedKeys(readme, "Connection")).toEqual([
    { key: "host", default: "required" },
    { key: "port", default: "502" },
  ]);
  expect(documentedKeys(readme, "Further")).toEqual([{ key: "unit", default: "–" }]);
});

test("a heading without a table, or none at all, documents nothing", () => {
  expect(documentedKeys(readme, "Tags")).toEqual([]);
  expect(documentedKeys(readme, "Absent")).toEqual([]);
});

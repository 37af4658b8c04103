import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { GatewayError } from "../domain/errors.ts";
import { batchCsv, batchJson, batchLines } from "../services/upload/batch-text.ts";
import type { Batch } from "../services/upload/batch.ts";
import { unpackBatch } from "../services/upload/pack.ts";

const usage = `Usage: linegate unpack FILE|- [--format ndjson|csv|json]

What is in an upload batch: the payload of a message of the stream BATCHES, from a file or from standard input. Exit 1 and
a reason where it is none, is cut off or was changed.

  nats stream get BATCHES 17 --json | jq -r .data | base64 -d | linegate unpack -
  linegate unpack batch.bin --format csv > batch.csv

  --format FORMAT    ndjson: a line of JSON for each reading or window (where it is absent); csv: a line for each value;
                     json: the whole batch in columns, docs/batch.schema.json
`;

const formats: Readonly<Record<string, (batch: Batch) => Iterable<string>>> = {
  ndjson: batchLines,
  csv: batchCsv,
  json: (batch) => [batchJson(batch)],
};

/** Resolves with the exit code. */
export async function run(
  args: readonly string[],
  input: NodeJS.ReadableStream = process.stdin,
): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { format: { type: "string", default: "ndjson" }, help: { type: "boolean", short: "h" } },
  });
  if (values.help === true) {
    console.log(usage);
    return 0;
  }
  const [file, ...rest] = positionals;
  const format = Object.hasOwn(formats, values.format) ? formats[values.format] : undefined;
  if (file === undefined || rest.length > 0) {
    throw new GatewayError("CONFIG_INVALID", "linegate unpack takes one file, or - for standard input.");
  }
  if (format === undefined) {
    const allowed = Object.keys(formats).join(", ");
    throw new GatewayError("CONFIG_INVALID", `There is no format ${values.format}. Allowed: ${allowed}.`);
  }
  const payload = file === "-" ? await buffer(input) : await contentOf(file);
  for (const line of format(unpackBatch(payload))) console.log(line);
  return 0;
}

async function contentOf(file: string): Promise<Buffer> {
  return readFile(file).catch((cause: unknown) => {
    throw new GatewayError("CONFIG_INVALID", `${file} can't be read. Check its name and its rights.`, {
      cause,
    });
  });
}

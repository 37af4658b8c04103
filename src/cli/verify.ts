import { parseArgs } from "node:util";
import { GatewayError } from "../domain/errors.ts";
import { verifyHub, type HubReport } from "../hub/verify/verify-hub.ts";
import { hubOptions, hubUsage, openHub } from "./hub-session.ts";
import { table } from "./table.ts";

const usage = `linegate verify --hub nats://HUB:4222 [options]

Reads all that the hub's streams BATCHES and EVENTS hold and tells for each gateway and stream how many batches there are,
the first and the last, how many are missing, how many are there twice and how many came out of order. What the streams have
lost to their own limits is not missing. Only headers are read. Exit 1 where anything is missing, twice or out of order.

  --hub URL          the hub's servers, commas between
  --from-first       what is missing before a gateway's first message is not told: the hub came later than the gateway
${hubUsage}

With --json: {"ok","streams":[{"gateway","stream","batches","first","last","gaps","missing","duplicates","reorderings"}],
"foreign":{"batches","events"},"behind":[SOURCE]}; gaps is null where the messages don't tell.`;

const columns = [
  { heading: "GATEWAY" },
  { heading: "STREAM" },
  ...["BATCHES", "FIRST", "LAST", "GAPS", "TWICE", "REORDERED"].map((heading) => ({
    heading,
    align: "right" as const,
  })),
];

/** `linegate verify --hub URL`. */
export async function run(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { ...hubOptions, hub: { type: "string" }, "from-first": { type: "boolean" } },
  });
  if (values.help === true) {
    console.log(usage);
    return 0;
  }
  if (values.hub === undefined) {
    throw new GatewayError("CONFIG_INVALID", `linegate verify takes the address of the hub.\n\n${usage}`);
  }
  const connection = await openHub(values.hub, values);
  try {
    const report = await verifyHub(connection, { fromFirst: values["from-first"] });
    console.log(values.json ? JSON.stringify(report) : text(report));
    return report.ok ? 0 : 1;
  } finally {
    await connection.close();
  }
}

function text({ ok, streams, foreign, behind }: HubReport): string {
  const rows = streams.map((one) => [
    one.gateway,
    one.stream,
    ...[one.batches, one.first, one.last, one.gaps ?? "?", one.duplicates, one.reorderings].map(String),
  ]);
  const lines = [streams.length === 0 ? "The hub holds nothing yet." : table(columns, rows)];
  for (const { gateway, stream, missing } of streams) {
    if (missing.length > 0) lines.push(`missing of ${gateway} ${stream}: ${missing.join(", ")}`);
  }
  const strangers = foreign.batches + foreign.events;
  if (strangers > 0)
    lines.push(`${strangers} messages are not from a gateway's outbox; nothing is said about them`);
  if (behind.length > 0) lines.push(`not all there yet, or away: ${behind.join(", ")}`);
  lines.push(ok ? "Nothing is missing, twice or out of order." : "Not all is as it was sent.");
  return lines.join("\n");
}

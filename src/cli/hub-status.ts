import { parseArgs } from "node:util";
import { gatewayStatus, pushedGateways, type GatewayStatus } from "../hub/push/push-status.ts";
import { pushStoreAt } from "../hub/push/push-store.ts";
import { hubOptions, hubUsage, openHub, usualUrl } from "./hub-session.ts";
import { table } from "./table.ts";

const usage = `linegate hub status [GATEWAY]... [--hub nats://HUB:4222] [options]

What is put for gateways, and what they said to it, be they there or away. Exit 1 where one has refused something, or taken
it back.

  --hub URL          the hub's servers, commas between; without it nats://127.0.0.1:4222
${hubUsage}

With --json: {"gateways":[{"gateway","answered","orders":[{"id","name","version","by","at","files","outcome"}]}]}`;

const columns = ["GATEWAY", "WHAT", "VERSION", "PUT", "BY", "OUTCOME", ""].map((heading) => ({ heading }));

/** `linegate hub status`. */
export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { ...hubOptions, hub: { type: "string", default: usualUrl } },
  });
  if (values.help === true) {
    console.log(usage);
    return 0;
  }
  const connection = await openHub(values.hub, values);
  try {
    const store = pushStoreAt(connection);
    const names = positionals.length > 0 ? positionals : await pushedGateways(store);
    const gateways: GatewayStatus[] = [];
    for (const name of names) gateways.push(await gatewayStatus(store, name));
    console.log(values.json ? JSON.stringify({ gateways }) : text(gateways));
    const ends = gateways.flatMap(({ orders }) => orders.map(({ outcome }) => outcome?.outcome));
    return ends.some((end) => end === "refused" || end === "rolled back") ? 1 : 0;
  } finally {
    await connection.close();
  }
}

function text(gateways: readonly GatewayStatus[]): string {
  const rows = gateways.flatMap(({ gateway, orders }) =>
    orders.map(({ name, version, at, by, outcome }) => [
      gateway,
      name,
      version.slice(0, 12),
      new Date(at).toISOString(),
      by,
      outcome?.outcome ?? "not answered yet",
      outcome?.message ?? "",
    ]),
  );
  return rows.length === 0 ? "Nothing is put for any gateway." : table(columns, rows);
}

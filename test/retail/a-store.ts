import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { NatsConnection } from "@nats-io/transport-node";
import { onTestFinished } from "vitest";
import { newStore } from "../../simulators/store/store.ts";
import { stocktaking } from "../../simulators/store/messages.ts";
import { Till } from "../../simulators/store/till.ts";
import { systemClock, type Clock } from "../../src/adapter-kit/clock.ts";
import type { Balance } from "../../src/services/ledger/ledger.ts";
import { hubPasswords } from "../fixture/hub.ts";
import { SiteFolder } from "../fixture/site-folder.ts";

const retail = join(import.meta.dirname, "..", "..", "mappings", "retail");

/** mappings/retail with ports of the operating system's, and with its hub where a leaf listener is given. */
export function storeFolder(leafPort?: number): SiteFolder {
  const shipped = readFileSync(join(retail, "gateway.yaml"), "utf8");
  const open = shipped
    .replaceAll(/listen: 127\.0\.0\.1:\d+/g, "listen: 127.0.0.1:0")
    .replace("maxBytes: 1GB", "maxBytes: 64MB");
  const linked = open
    .replace("# hub:", "hub:")
    .replace("nats-leaf://hub.example.com:7422", `nats-leaf://127.0.0.1:${leafPort}`)
    .replace("env:HUB_PASSWORD", "file:hub-password");
  const folder = new SiteFolder({
    "gateway.yaml": leafPort === undefined ? open : linked,
    "hub-password": hubPasswords.LINE1_GW_PASSWORD,
  });
  cpSync(retail, folder.dir, { recursive: true, filter: (path) => !path.endsWith("gateway.yaml") });
  return folder;
}

/** A till on this port, closed with the test. */
export function openTill(name: string, port: number, clock: Clock = systemClock): Till {
  const till = new Till({ name, broker: `mqtt://127.0.0.1:${port}`, clock });
  onTestFinished(() => till.stop());
  till.start();
  return till;
}

/** What a customer takes, or brings back. */
export const basket = (quantities: Readonly<Record<string, number>>) =>
  Object.entries(quantities).map(([sku, quantity]) => ({ sku, quantity, price: 1 }));

/** The stocktaking before the store opens: 60 bottles of milk, 100 croissants, 30 packets of coffee. */
export const openingCount = (countId: string) => JSON.stringify(stocktaking(countId, newStore, Date.now()));

/** What all tills together have sold of an article. */
export function soldOf(tills: readonly Till[], sku: string): number {
  const lines = tills.flatMap(({ journal }) => journal.flatMap(({ sale }) => sale.items));
  return lines.reduce((sum, line) => sum + (line.sku === sku ? line.quantity : 0), 0);
}

/** The balance of each article, as the gateway's service has it. */
export async function balances(nats: NatsConnection): Promise<Readonly<Record<string, number>>> {
  const reply = await nats.request("ledger.store-17-gw.list", "", { timeout: 5_000 });
  const { balances: found } = reply.json<{ balances: readonly Balance[] }>();
  return Object.fromEntries(found.map(({ article, balance }) => [article, balance]));
}

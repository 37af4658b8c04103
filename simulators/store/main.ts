import { join } from "node:path";
import { loadSite } from "../../src/config/load-site.ts";
import { GatewayError, toGatewayError } from "../../src/domain/errors.ts";
import { readArguments, usage, type Arguments, type FaultAt } from "./arguments.ts";
import { StoreSimulator } from "./store-simulator.ts";

const retail = join(import.meta.dirname, "../../mappings/retail");
const offlineMs = 20_000;

async function inject({ tills: [first, second] }: StoreSimulator, { fault }: FaultAt): Promise<void> {
  console.log(`fault: ${fault}`);
  switch (fault) {
    case "till-offline":
      first.goOffline();
      setTimeout(() => first.comeBack(), offlineMs).unref();
      break;
    case "missed-ack":
      first.missNextAcknowledgement();
      break;
    case "till-restart":
      second.restart();
      break;
    case "garbage":
      await second.sendGarbage('{"transactionId":"2-garbage","items":[{"quantity":1}]}');
      await second.sendGarbage('{"transactionId":');
      break;
  }
}

async function serve(options: Arguments): Promise<void> {
  const loaded = await loadSite(options.site ?? retail);
  if (!loaded.ok) throw new GatewayError("CONFIG_INVALID", "The site has mistakes. See `linegate check`.");
  const { host, port } = loaded.site.gateway.broker.listen;
  const broker = options.broker ?? `mqtt://${host}:${port}`;
  const store = new StoreSimulator(loaded.site, { ...options, broker });
  await store.start();
  console.log(`two tills and ${store.simulation.store.devices.join(", ")}, at ${broker}`);
  const timers = options.faults.map((fault) => setTimeout(() => void inject(store, fault), fault.at));
  const stop = () => {
    for (const timer of timers) clearTimeout(timer);
    void store.stop();
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
}

try {
  const options = readArguments(process.argv.slice(2));
  if (options.help) console.log(usage);
  else await serve(options);
} catch (caught) {
  console.error(toGatewayError(caught).message);
  process.exitCode = 1;
}

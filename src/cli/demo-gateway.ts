import { systemClock } from "../adapter-kit/clock.ts";
import type { ListenAddress } from "../config/gateway-schema.ts";
import { virtualDevice } from "../config/ledger.ts";
import type { Site } from "../config/site.ts";
import { toGatewayError } from "../domain/errors.ts";
import { Gateway } from "../gateway.ts";
import type { DemoView } from "./demo-output.ts";
import { isPortFree, prepareDemoSite } from "./demo-site.ts";
import { DemoTable } from "./demo-table.ts";
import { WarningLog } from "./warning-log.ts";
import { whenAborted } from "./until-aborted.ts";

export interface DemoGatewayOptions {
  readonly site: Site;
  /** Where each device is, in an operator's words. */
  readonly places: ReadonlyMap<string, string>;
  /** The folder of its nats-server's store. */
  readonly store: string;
  readonly view: DemoView;
  readonly stop: AbortSignal;
}

/** A running gateway, with the table that shows what it publishes. */
export interface DemoGateway extends AsyncDisposable {
  readonly site: Site;
  readonly table: DemoTable;
  readonly addresses: { readonly mqtt: ListenAddress; readonly nats: string; readonly http: ListenAddress };
  /** Every alert as it stands. */
  readonly alerts: () => Gateway["alerts"];
}

const noneIsFree = async () => false;

/**
 * Starts the gateway on the site's ports, or on free ones where they are taken. Resolves with undefined where the signal
 * aborts first.
 */
export async function startDemoGateway(options: DemoGatewayOptions): Promise<DemoGateway | undefined> {
  try {
    return await startOn(options, isPortFree);
  } catch (caught) {
    if (options.stop.aborted) return undefined;
    // Somebody may have taken a port since it was found free; with free ports everywhere only real trouble is left.
    options.view.say(toGatewayError(caught).message);
    return startOn(options, noneIsFree);
  }
}

async function startOn(
  { site: wanted, places, store, view, stop }: DemoGatewayOptions,
  isFree: (port: number) => Promise<boolean>,
): Promise<DemoGateway | undefined> {
  const { site, taken } = await prepareDemoSite(wanted, store, isFree);
  for (const { what, port } of taken)
    view.say(`Port ${port} (${what}) is taken; a free one is used in its place.`);
  const ledgers = (site.ledgers?.ledgers ?? []).map(virtualDevice);
  const shown = { ...site, devices: [...site.devices, ...ledgers] };
  const keptHere = ledgers.map(({ device }) => [device, "ledger.yaml"] as const);
  const table = new DemoTable(shown, new Map([...places, ...keptHere]));
  const gateway = new Gateway(site, {
    log: new WarningLog((line) => view.say(line)),
    clock: systemClock,
    random: Math.random,
    searchPath: process.env["PATH"] ?? "",
    environment: process.env,
  });
  gateway.readings$.subscribe(({ reading }) => table.read(reading));
  gateway.deviceStates$.subscribe(({ device, state }) => table.changed(device, state));
  const started = gateway.start();
  started.catch(() => undefined);
  await Promise.race([started, whenAborted(stop)]);
  if (stop.aborted) {
    await gateway.stop();
    return undefined;
  }
  const { broker, nats, http } = gateway.addresses;
  return {
    site,
    table,
    addresses: { mqtt: broker.mqtt, nats, http },
    alerts: () => gateway.alerts,
    [Symbol.asyncDispose]: () => gateway.stop(),
  };
}

/** `127.0.0.1:1883` */
export function hostPort({ host, port }: ListenAddress): string {
  return `${host}:${port}`;
}

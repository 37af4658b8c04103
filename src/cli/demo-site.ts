import { createServer } from "node:net";
import type { ListenAddress } from "../config/gateway-schema.ts";
import type { Site } from "../config/site.ts";
import { byteSize } from "../domain/byte-size.ts";

/** A listener of the site whose port another program has. */
interface TakenPort {
  readonly what: string;
  readonly port: number;
}

export interface DemoSite {
  readonly site: Site;
  readonly taken: readonly TakenPort[];
}

/** The demo is for one machine and some minutes. */
const storeBytes = byteSize(256e6);

/**
 * The site as the demo runs it: every listener on loopback and open to this machine, on a free port where its own is
 * taken; an embedded nats-server with its store in `store`; no hub. The devices stay as they are.
 */
export async function prepareDemoSite(
  site: Site,
  store: string,
  isFree: (port: number) => Promise<boolean> = isPortFree,
): Promise<DemoSite> {
  const { gateway } = site;
  const taken: TakenPort[] = [];
  const listen = async (what: string, { port }: ListenAddress): Promise<ListenAddress> => {
    const free = port === 0 || (await isFree(port));
    if (!free) taken.push({ what, port });
    return { host: "127.0.0.1", port: free ? port : 0 };
  };
  const { limits } = gateway.broker;
  const natsListen = gateway.nats.embedded?.listen ?? { host: "127.0.0.1", port: 4222 };
  const server = gateway.nats.embedded?.server;
  const prepared: Site["gateway"] = {
    gateway: gateway.gateway,
    site: gateway.site,
    broker: { listen: await listen("MQTT", gateway.broker.listen), limits },
    nats: {
      embedded: {
        listen: await listen("NATS", natsListen),
        store,
        maxBytes: storeBytes,
        ...(server === undefined ? {} : { server }),
      },
      latestBytes: gateway.nats.latestBytes,
    },
    http: { listen: await listen("HTTP", gateway.http.listen) },
    users: {},
    images: gateway.images,
    writes: gateway.writes,
    trace: gateway.trace,
    audit: gateway.audit,
    // The demo starts nothing beside the gateway.
    services: { scheduling: "inside", alerting: "inside" },
    outbox: gateway.outbox,
    offline: gateway.offline,
    upload: gateway.upload,
  };
  return { site: { ...site, gateway: prepared }, taken };
}

/** True where this machine's loopback has the port free now. */
export async function isPortFree(port: number): Promise<boolean> {
  const probe = createServer();
  return new Promise((resolve) => {
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
}

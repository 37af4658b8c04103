import type { AdapterModule } from "../adapter-kit/adapter.ts";
import type { Clock } from "../adapter-kit/clock.ts";
import type { Log } from "../adapter-kit/log.ts";
import type { BrokerAddresses } from "../broker/broker.ts";
import type { ListenAddress } from "../config/gateway-schema.ts";

export interface GatewayDeps {
  readonly log: Log;
  readonly clock: Clock;
  /** In [0, 1): jitter. */
  readonly random: () => number;
  /** The environment's PATH, where nats-server is looked for. */
  readonly searchPath: string;
  /** Where the secrets are looked up that devices' mappings name as env:NAME; absent: there are none. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** The secret that `nats.password` points to, looked up. */
  readonly natsPassword?: string | undefined;
  /** How often it is looked what waits to be sent; 10 s where it is absent. */
  readonly lookEveryMs?: number;
  /** Where protocols come from: the adapter registry, unless a benchmark brings its own. */
  readonly loadAdapter?: (name: string) => Promise<AdapterModule>;
}

/** Where the gateway can be reached, real ports included. */
export interface GatewayAddresses {
  readonly broker: BrokerAddresses;
  /** The URL for NATS clients. */
  readonly nats: string;
  readonly http: ListenAddress;
}

/** What an edited folder changed. */
export interface Applied {
  readonly restarted: readonly string[];
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Keys of gateway.yaml that take effect at the next start only. */
  readonly needRestart: readonly string[];
}

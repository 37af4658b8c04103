import type { Clock } from "../adapter-kit/clock.ts";
import type { Duration } from "../domain/duration.ts";
import { gatewayDevice } from "../config/gateway-tags.ts";
import { OfflineWatch, type OfflineWatchOptions } from "../nats/offline-watch.ts";
import { GatewayReadings } from "../services/live/gateway-readings.ts";
import { OfflineTeller } from "../services/live/offline-teller.ts";
import type { SqliteStateStore } from "../store/sqlite-state-store.ts";
import type { SitePublisher } from "../services/live/site-publisher.ts";

export interface OfflineOptions extends Omit<OfflineWatchOptions, "onLook" | "store"> {
  readonly site: string;
  readonly hasHub: boolean;
  readonly store: SqliteStateStore;
  readonly publish: Pick<SitePublisher, "reading" | "gateway" | "event">;
  /** To windows of this length; undefined: as the rules say. */
  readonly thin: (every: Duration | undefined) => void;
  readonly clock: Clock;
}

/** The watch over what waits, telling it as the gateway's own state, tags and events. */
export function watchOffline(options: OfflineOptions): OfflineWatch {
  const { publish, thin, hasHub, store, clock } = options;
  const readings = new GatewayReadings({ ...options, publish: (reading) => publish.reading(reading) });
  const teller = new OfflineTeller({
    hasHub,
    store: () => store.condition,
    state: (part) => publish.gateway("forward", part),
    readings: (values) => readings.tell(values),
    event: (name, data) => publish.event(gatewayDevice, { name, data }),
    thin,
    clock,
  });
  return new OfflineWatch({ ...options, onLook: (offline) => teller.tell(offline) });
}

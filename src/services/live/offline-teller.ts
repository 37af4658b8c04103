import type { Clock } from "../../adapter-kit/clock.ts";
import type { DeviceEvent } from "../../adapter-kit/device-event.ts";
import type { Duration } from "../../domain/duration.ts";
import type { GatewayValues } from "./gateway-readings.ts";
import type { Offline } from "../../nats/offline-watch.ts";
import type { PartHealth } from "../../observability/health.ts";
import { streamNames, type StreamName } from "../../store/outbox-row.ts";
import type { StoreCondition } from "../../store/sqlite-state-store.ts";

/** What does not change is told again after this. */
const tellEveryMs = 60_000;
/** What tells of a full store takes room in it itself. */
const eventEveryMs = 60_000;
const mostHours = 9_999;

export interface OfflineTellerOptions {
  readonly hasHub: boolean;
  readonly store: () => StoreCondition;
  /** On `state/<site>/gateway`. */
  readonly state: (part: object) => void;
  readonly readings: (values: GatewayValues) => void;
  readonly event: (name: string, data: DeviceEvent["data"]) => void;
  /** To windows of this length; undefined: as the rules say. */
  readonly thin: (every: Duration | undefined) => void;
  readonly clock: Clock;
}

/** Tells everybody how it stands with what waits to be sent: state, tags of the gateway, events. */
export class OfflineTeller {
  readonly #options: OfflineTellerOptions;
  #before: Offline | undefined;
  #toldAt = -Infinity;
  #lostToldAt = -Infinity;
  #lostTold = 0;

  constructor(options: OfflineTellerOptions) {
    this.#options = options;
  }

  /** After each look. */
  tell(now: Offline): void {
    const { hasHub, store, state, readings, event, thin, clock } = this.#options;
    const before = this.#before;
    this.#before = now;
    const lost = lostIn(now);
    const { isDurable, setAside } = store();
    readings({
      ...valuesOf(now, hasHub),
      "store/durable": isDurable,
      "store/intact": setAside === undefined,
    });
    const at = clock.monotonic();
    const changed =
      before === undefined ||
      before.away !== now.away ||
      before.thinnedTo !== now.thinnedTo ||
      lostIn(before) !== lost ||
      now.messages > 0 ||
      before.messages > 0;
    if (changed || at - this.#toldAt >= tellEveryMs) {
      this.#toldAt = at;
      state(stateOf(now));
    }
    if (before?.thinnedTo !== now.thinnedTo) {
      thin(now.thinnedTo);
      const to = now.thinnedTo === undefined ? {} : { everyMs: now.thinnedTo };
      event("thinned", { active: now.thinnedTo !== undefined, ...to, fill: rounded(now.fill * 100, 1) });
    }
    if (lost > this.#lostTold && at - this.#lostToldAt >= eventEveryMs) {
      this.#lostToldAt = at;
      this.#lostTold = lost;
      event("lost", { messages: lost, EVENTS: { ...now.lost.EVENTS }, BATCHES: { ...now.lost.BATCHES } });
    }
  }
}

/** As an operator reads it. */
export function offlineHealth(now: Offline | undefined, problem: string | undefined): PartHealth {
  const waits = now === undefined || now.messages === 0 ? undefined : waiting(now);
  const lost =
    now === undefined || lostIn(now) === 0 ? undefined : `${lostIn(now)} messages lost for want of room`;
  const thin = now?.thinnedTo === undefined ? undefined : "new readings go into coarser windows";
  const silent =
    now?.isHubSilent === true
      ? "the hub does not say what it has: it has not begun to take it yet, or gives no right to ask (docs/hub.md)"
      : undefined;
  const stuck =
    problem === undefined
      ? undefined
      : `nats-server does not store: ${problem}. Messages wait on the gateway's disk`;
  const details = [stuck, waits, thin, lost, silent].filter((detail) => detail !== undefined);
  const ok = problem === undefined && (now === undefined || now.fill < 0.9) && lost === undefined;
  return details.length === 0 ? { ok } : { ok, detail: details.join("; ") };
}

/** As an operator reads it. */
export function storeHealth({ isDurable, setAside }: StoreCondition): PartHealth {
  const details = [
    ...(isDurable ? [] : ["the disk refuses what is to survive a restart"]),
    ...(setAside === undefined ? [] : [`a corrupt file was set aside at the start: ${setAside}`]),
  ];
  return details.length === 0 ? { ok: true } : { ok: false, detail: details.join("; ") };
}

function waiting({ away, messages, bytes, oldest, fill, left, drainedAt }: Offline): string {
  const whom = { none: "are on their way", nats: "wait for nats-server", hub: "wait for the hub" }[away];
  const since = oldest === undefined ? "" : `, the oldest of ${new Date(oldest).toISOString()}`;
  const room =
    left === undefined || left === Infinity
      ? ""
      : `, room for ${rounded(Math.min(left / 3_600, mostHours), 1)} h`;
  const end = drainedAt === undefined ? "" : `, about all sent at ${new Date(drainedAt).toISOString()}`;
  return `${messages} messages (${bytes} bytes) ${whom}${since}; ${rounded(fill * 100, 1)} % full${room}${end}`;
}

function valuesOf(now: Offline, hasHub: boolean): GatewayValues {
  const { away, messages, bytes, oldest, fill, left, thinnedTo } = now;
  return {
    "nats/connected": away !== "nats",
    // While nats-server is away nothing is known of the hub.
    ...(hasHub && away !== "nats" ? { "hub/connected": away !== "hub" } : {}),
    "forward/offline": away !== "none",
    "forward/messages": messages,
    "forward/bytes": bytes,
    "forward/age": oldest === undefined ? 0 : rounded(Math.max(0, now.at - oldest) / 1_000, 0),
    "forward/fill": rounded(fill * 100, 1),
    ...(left === undefined ? {} : { "forward/left": hours(left) }),
    "forward/lost": lostIn(now),
    "forward/thinned": thinnedTo !== undefined,
  };
}

function stateOf(now: Offline): object {
  const { away, since, messages, bytes, oldest, fill, left, drainBytesPerSecond, drainedAt, problem } = now;
  const of = (name: StreamName) => {
    const { outbox, stream, oldest: first, fill: share, left: rest, bytesPerSecond } = now.streams[name];
    return {
      outbox,
      stream,
      oldest: first ?? null,
      fill: rounded(share, 4),
      hoursLeft: rest === undefined ? null : hours(rest),
      bytesPerSecond: bytesPerSecond === undefined ? null : rounded(bytesPerSecond, 1),
      lost: now.lost[name],
    };
  };
  return {
    away,
    since,
    messages,
    bytes,
    oldest: oldest ?? null,
    fill: rounded(fill, 4),
    hoursLeft: left === undefined ? null : hours(left),
    drain:
      drainBytesPerSecond === undefined
        ? null
        : { bytesPerSecond: rounded(drainBytesPerSecond, 0), endsAt: rounded(drainedAt ?? 0, 0) },
    thinnedToMs: now.thinnedTo ?? null,
    ...(problem === undefined ? {} : { problem }),
    ...(now.isHubSilent ? { hubSilent: true } : {}),
    streams: Object.fromEntries(streamNames.map((name) => [name, of(name)])),
  };
}

function lostIn({ lost }: Offline): number {
  return streamNames.flatMap((name) => Object.values(lost[name])).reduce((total, one) => total + one, 0);
}

function hours(seconds: number): number {
  return rounded(Math.min(mostHours, seconds / 3_600), 2);
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

import type { AlertCondition, AlertRule, AlertsConfig, Priority } from "../../config/alerts.ts";
import { gatewayDevice, type GatewayTag } from "../../config/gateway-tags.ts";
import type { GatewayConfig } from "../../config/gateway-schema.ts";
import type { LineConfig } from "../../config/line.ts";
import { ms, type Duration } from "../../domain/duration.ts";
import type { ServedSite } from "../site-service.ts";

const natsAwayDelay = ms(60_000);
const notDurableDelay = ms(10_000);
const lostWithin = ms(600_000);
const offDelay = ms(30_000);
const lateWithin = ms(600_000);
/** As alerts.yaml has them where it says nothing. */
const usual: AlertsConfig = {
  alerts: [],
  flood: { alerts: 10, within: ms(600_000) },
  chatter: { times: 3, within: ms(60_000) },
};

/** The gateway's own alerts: what it has collected can't be kept or sent, told while there is still room. */
export function ownAlerts({
  offline,
  outbox,
  hub,
}: Pick<GatewayConfig, "offline" | "outbox" | "hub">): readonly AlertRule[] {
  if (!offline.alerts) return [];
  const isOffline: AlertCondition = is("forward/offline", true);
  const filling: AlertCondition = {
    kind: "any",
    of: [
      above("forward/fill", offline.full, 5),
      { kind: "all", of: [isOffline, below("forward/left", offline.left / 3_600_000)] },
    ],
  };
  const lost: AlertCondition = {
    kind: "rate",
    tag: tag("forward/lost"),
    limit: 0,
    over: lostWithin,
    direction: "up",
    deadband: 0,
  };
  return [
    rule(
      "gateway-nats-away",
      "high",
      "nats-server is away or does not store: events and batches wait on the gateway's disk. See /healthz",
      is("nats/connected", false),
      natsAwayDelay,
    ),
    rule(
      "gateway-store-refused",
      "high",
      "The gateway's disk refuses what is to survive a restart: what comes now is kept in memory only. Check the disk",
      is("store/durable", false),
      notDurableDelay,
    ),
    rule(
      "gateway-state-lost",
      "high",
      "The gateway found its durable state corrupt at its start and began anew: the file is kept in its data folder. Check the disk",
      is("store/intact", false),
      ms(0),
    ),
    ...(hub === undefined
      ? []
      : [
          rule(
            "gateway-hub-away",
            "medium",
            "The hub is away: what is for it waits here. Check the network and the hub",
            is("hub/connected", false),
            offline.hubAway,
          ),
        ]),
    rule(
      "gateway-store-filling",
      "high",
      "What waits to be sent is about to fill its room; what happens then is in gateway.yaml, outbox. Bring NATS or the hub back",
      filling,
      ms(0),
    ),
    ...(outbox.batches.whenFull === "thin"
      ? [
          rule(
            "gateway-thinned",
            "medium",
            "What waits takes so much room that new readings are uploaded in coarser windows",
            is("forward/thinned", true),
            ms(0),
          ),
        ]
      : []),
    rule(
      "gateway-messages-lost",
      "high",
      "Messages are lost for want of room: state/…/gateway tells how many of which stream. Bring NATS or the hub back",
      lost,
      ms(0),
    ),
  ];
}

/**
 * What alerts.yaml says, and the gateway's own alerts that it has no other ones by the same name for.
 * @param own as `ownAlerts` gives them; where there are none, there is none about the line either
 */
export function withOwnAlerts(
  { alerts: config, line }: Pick<ServedSite, "alerts" | "line">,
  own: readonly AlertRule[],
): AlertsConfig | undefined {
  if (config === undefined && own.length === 0) return undefined;
  const { alerts, ...rest } = config ?? usual;
  const names = new Set(alerts.map(({ name }) => name));
  const all = own.length === 0 ? [] : [...own, ...lineAlerts(line)];
  return { ...rest, alerts: [...alerts, ...all.filter(({ name }) => !names.has(name))] };
}

/** A breach of the latency contract that any station has. */
function lineAlerts(line: LineConfig | undefined): readonly AlertRule[] {
  const stations = (line?.stations ?? []).filter(({ within }) => within !== undefined);
  if (stations.length === 0) return [];
  const late = stations.map(({ name }): AlertCondition => ({
    kind: "count",
    of: { kind: "line", station: name, event: "late" },
    atLeast: 1,
    within: lateWithin,
  }));
  return [
    rule(
      "gateway-line-late",
      "medium",
      "A station was told to prepare later than its `within` in line.yaml allows: which one and by how much is in the line's events `late`. Look at the gateway's load, and at the poll of the tags that the station waits for",
      { kind: "any", of: late },
      ms(0),
    ),
  ];
}

function rule(
  name: string,
  priority: Priority,
  message: string,
  when: AlertCondition,
  onDelay: Duration,
): AlertRule {
  return {
    name,
    message,
    priority,
    when,
    onDelay,
    offDelay,
    latch: false,
    acknowledge: true,
    actions: [],
  };
}

function tag(name: GatewayTag): string {
  return `${gatewayDevice}/${name}`;
}

function is(name: GatewayTag, value: boolean): AlertCondition {
  return { kind: "is", tag: tag(name), value };
}

function above(name: GatewayTag, limit: number, deadband: number): AlertCondition {
  return { kind: "above", tag: tag(name), limit, deadband };
}

function below(name: GatewayTag, limit: number): AlertCondition {
  return { kind: "below", tag: tag(name), limit, deadband: 0 };
}

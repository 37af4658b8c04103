import type { AlertRule, ChatterLimits } from "../../config/alerts.ts";
import { encodeTagValue, plainText } from "../../domain/reading.ts";
import { fill, type Filling } from "../fill.ts";
import { stateNameOf, type AlertLife } from "./alert-state.ts";
import { isAway, type Moment } from "./lifecycle.ts";

/** An alert as it stands on MQTT, NATS, in the bucket and in a list. Times are Unix ms. */
export interface DescribedAlert {
  readonly alert: string;
  readonly state: string;
  /** What happened last; null: nothing yet. */
  readonly event: string | null;
  readonly priority: string;
  readonly message: string;
  /** The tag, device or station that raised it last, and the value then. */
  readonly source: string | null;
  readonly value: unknown;
  /** Of the last event. */
  readonly timestamp: number | null;
  readonly raisedAt: number | null;
  readonly count: number;
  readonly sequence: number;
  readonly [field: string]: unknown;
}

export function describe(
  { name, priority, message, group }: AlertRule,
  life: AlertLife,
  chatter: ChatterLimits,
  moment: Moment,
): DescribedAlert {
  const { last, shelved, cause, firstOut } = life;
  return {
    alert: name,
    state: stateNameOf(life),
    event: last?.event ?? null,
    priority,
    message: plainText(fill(message, { ...fillingOf(name, life), ...readable(cause) })),
    source: cause?.name ?? null,
    value: cause === null ? null : JSON.parse(encodeTagValue(cause.value)),
    timestamp: life.since,
    raisedAt: life.raisedAt,
    count: life.count,
    sequence: life.sequence,
    raised: life.raised,
    acknowledged: life.acknowledged,
    ...(group === undefined
      ? {}
      : { group, firstOut: firstOut === true && isStanding(life) && !isAway(life) }),
    ...(isChattering(life, chatter, moment) ? { chattering: true } : {}),
    ...(shelved === null ? {} : { shelvedUntil: Math.round(shelved.until + moment.now - moment.steady) }),
    ...(last?.by === undefined ? {} : { by: last.by }),
    ...(last?.why === undefined ? {} : { why: last.why }),
  };
}

/** In texts, where a device or a station has no value, and a bad tag none. */
const noValue = "–";

/** What `${alert}`, `${tag}`, `${value}` and `${time}` stand for in an alert's texts. */
export function fillingOf(name: string, { cause, raisedAt }: AlertLife): Filling {
  return {
    alert: name,
    tag: cause?.name ?? "",
    value: cause === null ? "" : cause.value === null ? noValue : plainText(cause.value),
    time: raisedAt === null ? "" : new Date(raisedAt).toISOString(),
  };
}

/** Nobody reads the seventh digit. */
function readable(cause: AlertLife["cause"]): Filling {
  return typeof cause?.value === "number" ? { value: Number(cause.value.toPrecision(5)) } : {};
}

/** True while it is raised or held by its latch. */
export function isStanding({ raised, latched }: AlertLife): boolean {
  return raised || latched;
}

/** True where it comes and goes too often to be of use (ISA-18.2 §16.5.6). */
export function isChattering({ raises }: AlertLife, chatter: ChatterLimits, { steady }: Moment): boolean {
  const first = raises.at(-chatter.times);
  return first !== undefined && steady - first < chatter.within;
}

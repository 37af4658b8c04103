import {
  streamNames,
  type Backlog,
  type FullPolicy,
  type OutboxLimits,
  type StreamName,
} from "../store/outbox-row.ts";

/** Of the outbox, what batches may take: events still find room (store/outbox.ts). */
const bulkShare = 0.9;
/** Nothing more goes into a stream that is held from here on. */
export const heldShare = 0.9;

/** Up to where the hub has a stream. */
interface HubPlace {
  readonly seq: number;
  /** The hub itself has said so. */
  readonly isKnown: boolean;
}

/**
 * Whether what the stream has no room for waits in the outbox, as JetStream would drop the oldest for it: as `newest` asks for, and
 * under any policy where that may be what was promised to a device, up to a place in the stream.
 */
export function isKeptWhole(policy: FullPolicy, { seq, isKnown }: HubPlace, promised: number): boolean {
  return (policy === "newest" && isKnown) || promised > seq;
}

/** What is looked at of one stream. */
export interface StreamLook {
  /** In the outbox, without an ack. */
  readonly outbox: Backlog;
  /** In the stream, and not at the hub; nothing where there is no hub. */
  readonly stream: Backlog;
  /** What the stream may hold; undefined where that is not known yet. */
  readonly streamRoom: number | undefined;
  /** What the stream has no room for waits in the outbox. */
  readonly isKeptWhole: boolean;
  /** When the oldest of both was committed or stored, in Unix ms; undefined where nothing waits. */
  readonly oldest: number | undefined;
  /** How fast messages come; undefined where that is not known yet. */
  readonly bytesPerSecond: number | undefined;
}

/** Whom messages wait for: nobody, the local nats-server or its JetStream, the hub. */
export type Away = "none" | "nats" | "hub";

/** How one stream stands. */
export interface StreamFigures extends StreamLook {
  /** In [0, 1] and a little above: how much of the room is taken by what waits. */
  readonly fill: number;
  /** Seconds until there is no room, at the present rate, if it is, or were, offline; Infinity where nothing comes. */
  readonly left: number | undefined;
}

/** How it stands in all. */
export interface Figures {
  readonly streams: Readonly<Record<StreamName, StreamFigures>>;
  readonly messages: number;
  readonly bytes: number;
  readonly oldest: number | undefined;
  /** The worst of both streams. */
  readonly fill: number;
  readonly left: number | undefined;
}

/** What the looks at both streams mean under the limits. */
export function figuresOf(
  looks: Readonly<Record<StreamName, StreamLook>>,
  limits: OutboxLimits,
  away: Away,
  hasHub: boolean,
): Figures {
  const one = (stream: StreamName) => streamFigures(looks, stream, limits, away, hasHub);
  const streams = { EVENTS: one("EVENTS"), BATCHES: one("BATCHES") };
  const all = streamNames.map((stream) => streams[stream]);
  return {
    streams,
    messages: sum(all.map(({ outbox, stream }) => outbox.rows + stream.rows)),
    bytes: sum(all.map(({ outbox, stream }) => outbox.bytes + stream.bytes)),
    oldest: least(all.map(({ oldest }) => oldest)),
    fill: Math.max(...all.map(({ fill }) => fill)),
    left: least(all.map(({ left }) => left)),
  };
}

function streamFigures(
  looks: Readonly<Record<StreamName, StreamLook>>,
  name: StreamName,
  limits: OutboxLimits,
  away: Away,
  hasHub: boolean,
): StreamFigures {
  const look = looks[name];
  const { stream, streamRoom, bytesPerSecond, isKeptWhole: keepsAll } = look;
  const outboxRoom = name === "BATCHES" ? limits.maxBytes * bulkShare : limits.maxBytes;
  const outboxBytes = sum(streamNames.map((each) => looks[each].outbox.bytes));
  const rates = streamNames.map((each) => looks[each].bytesPerSecond);
  const total = rates.includes(undefined) ? undefined : sum(rates.map((rate) => rate ?? 0));
  const outboxLeft = seconds(outboxRoom - outboxBytes, total);
  const ofOutbox = outboxBytes / outboxRoom;
  if (!hasHub || streamRoom === undefined) return { ...look, fill: ofOutbox, left: outboxLeft };
  if (keepsAll) {
    const room = streamRoom * heldShare;
    const streamLeft = seconds(room - stream.bytes, bytesPerSecond);
    const left =
      away === "nats" || outboxLeft === undefined || streamLeft === undefined
        ? outboxLeft
        : outboxLeft + streamLeft;
    return { ...look, fill: Math.max(ofOutbox, (stream.bytes + outboxBytes) / (room + outboxRoom)), left };
  }
  const left = away === "nats" ? outboxLeft : seconds(streamRoom - stream.bytes, bytesPerSecond);
  return { ...look, fill: Math.max(ofOutbox, stream.bytes / streamRoom), left };
}

function seconds(bytes: number, perSecond: number | undefined): number | undefined {
  if (perSecond === undefined) return undefined;
  return perSecond <= 0 ? Infinity : Math.max(0, bytes) / perSecond;
}

function least(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

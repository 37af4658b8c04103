import type { StreamName } from "../store/outbox-row.ts";
import type { JetStreamApi, StoredMessage, StreamInfo } from "./jetstream-api.ts";

/** In which the forwarder says where a message stood in the gateway's own stream: `EVENTS_2 1234`. */
export const placeHeader = "Linegate-Place";

/** The stream at the hub that a gateway forwards into; `linegate hub apply` makes it. */
export function intakeName(stream: StreamName, gateway: string): string {
  return `${stream}-from-${gateway}`;
}

/** What a gateway forwards of a stream, as subjects. `site` as `plant1/line1`. */
export function forwardedSubjects(stream: StreamName, gateway: string, site: string): readonly string[] {
  if (stream === "BATCHES") return [`batch.${gateway}.>`];
  const place = site.replaceAll("/", ".");
  return [`alert.${place}.>`, `line.${place}.>`, `event.${place}.>`, `audit.${gateway}.>`];
}

/** A place in the gateway's own stream. */
export interface Place {
  readonly incarnation: number;
  readonly seq: number;
}

/** Up to where a stream at the hub has the gateway's own. */
export interface TakenPlace extends Place {
  /** That stream, as `madeAs` has it; absent where the hub did not say, or in a state of an earlier version. */
  readonly of?: string | undefined;
}

/** Which stream that is, such as `EVENTS 2026-01-01T06:00:00.1Z`: one that was made anew is another one. */
export function madeAs({ config, created }: StreamInfo): string {
  return `${config.name} ${created}`;
}

/** Whether the stream was deleted and made anew, so that nothing is in it of what it had. */
export function isMadeAnew(before: string | undefined, now: string | undefined): boolean {
  return before !== now && before !== undefined && before.split(" ")[0] === now?.split(" ")[0];
}

/** A message of the gateway as the hub has it. */
export interface AtHub extends Place {
  readonly id: string;
}

/** What the forwarder put there; undefined where the message is somebody else's. */
export function readAtHub({ hdrs = "" }: StoredMessage): AtHub | undefined {
  const text = Buffer.from(hdrs, "base64").toString("latin1");
  const place = new RegExp(`^${placeHeader}: ?\\w+?(?:_(\\d+))? (\\d+)\\r$`, "m").exec(text);
  const id = /^Nats-Msg-Id: ?(.*?)\r$/m.exec(text)?.[1];
  if (place === null || id === undefined) return undefined;
  return { incarnation: Number(place[1] ?? 1), seq: Number(place[2]), id };
}

/** Looks for a place in the gateway's stream at the hub, where places only grow: undefined where it is not there. */
export async function findAtHub(
  hub: JetStreamApi,
  intake: string,
  { first, last }: { readonly first: number; readonly last: number },
  wanted: Place,
): Promise<AtHub | undefined> {
  let [low, high] = [first, last];
  while (low <= high) {
    const middle = Math.floor((low + high) / 2);
    // Each look halves what is left: that is what this loop is for.
    const message = await hub.nextMessage(intake, ">", middle);
    const found = message === undefined ? undefined : readAtHub(message);
    if (message === undefined || found === undefined) return undefined;
    const order = found.incarnation - wanted.incarnation || found.seq - wanted.seq;
    if (order === 0) return found;
    if (order > 0) high = middle - 1;
    else low = message.seq + 1;
  }
  return undefined;
}

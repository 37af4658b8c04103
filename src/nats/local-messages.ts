import type { NatsLink } from "./link.ts";

const answerWithinMs = 5_000;
/** What the server adds to a message that is read directly (ADR-31 of NATS), and what was asked of the first publish alone. */
const notOfTheMessage = /^Nats-(Stream|Subject|Sequence|Time-Stamp|Num-Pending|Last-Sequence|Expected-.*)$/;

/** A message of a local stream. */
export interface LocalMessage {
  readonly seq: number;
  readonly subject: string;
  readonly id: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: Uint8Array;
}

/** The first message of a stream from a place on, as it is stored; undefined where there is none yet. */
export async function nextLocal(
  link: Pick<NatsLink, "requestMessage">,
  stream: string,
  seq: number,
): Promise<LocalMessage | undefined> {
  const request = JSON.stringify({ seq, next_by_subj: ">" });
  const subject = `$JS.API.DIRECT.GET.${stream}`;
  const { data, headers } = await link.requestMessage(subject, request, answerWithinMs);
  const at = Number(headers?.get("Nats-Sequence") ?? "");
  // 404: there is none.
  if (headers === undefined || !(at > 0)) return undefined;
  const kept = headers.keys().filter((name) => !notOfTheMessage.test(name));
  return {
    seq: at,
    subject: headers.get("Nats-Subject"),
    id: headers.get("Nats-Msg-Id"),
    headers: Object.fromEntries(kept.map((name) => [name, headers.get(name)])),
    payload: data,
  };
}

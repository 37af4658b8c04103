import type { AdapterContext, FrameDirection } from "../../src/adapter-kit/index.ts";

/** What is kept of a text at most while nobody records; an image is known by its beginning. */
const mostText = 65_536;
const mostBinary = 64;

/** Behind the channel of a stream's binary messages: which are images shows in a recording by it. */
export const binaryMark = " binary";

/** A message as it went over the wire, without what says who asks. */
export interface TracedMessage {
  /** The first line and the headers that matter; empty where there are none. */
  readonly head: readonly string[];
  readonly body: Uint8Array;
  readonly binary: boolean;
}

/** Keeps a message for looking at and for recordings: headers, an empty line, the body. */
export function trace(
  context: Pick<AdapterContext, "trace">,
  direction: FrameDirection,
  channel: string,
  { head, body, binary }: TracedMessage,
): void {
  const most = binary ? mostBinary : mostText;
  const lead = head.length === 0 ? "" : `${head.join("\r\n")}\r\n\r\n`;
  const frame = Buffer.concat([Buffer.from(lead), body.subarray(0, most)]);
  context.trace(direction, channel, frame, body.length > most ? body.subarray(most) : undefined);
}

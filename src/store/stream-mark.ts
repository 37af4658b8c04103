import type { StreamName } from "./outbox-row.ts";
import type { StateChange } from "./state-store.ts";

/** In the state store: a key a stream. */
export const outboxScope = "outbox";

/** What is known for sure of a stream of the local JetStream, over restarts of everybody. */
export interface StreamMark {
  /** 1 for the stream's own name, from 2 on `<name>_<incarnation>`. */
  readonly incarnation: number;
  /** When the server made it, in the server's words: a stream made anew is another one. */
  readonly created: string;
  /** The last place in it that was acknowledged; what stands after it may be ours, too. */
  readonly acked: number;
  /** The last place of what is not in the outbox any more. */
  readonly deleted: number;
}

export function markChange(stream: StreamName, mark: StreamMark): StateChange {
  return { scope: outboxScope, key: stream, value: JSON.stringify(mark) };
}

export function readMark(json: string | undefined): StreamMark | undefined {
  if (json === undefined) return undefined;
  try {
    return JSON.parse(json) as StreamMark;
  } catch {
    return undefined;
  }
}

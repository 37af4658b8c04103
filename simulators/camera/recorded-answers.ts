import type { Frame } from "../../src/trace/frame.ts";
import { isWhole, messageIn } from "./recorded-message.ts";

/** An answer as a camera gave it. */
export interface RecordedAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly etag: string | undefined;
  readonly body: Buffer;
}

/** What came of a request. */
export interface RecordedReply {
  /** ms since the recording's start: when it was asked. */
  readonly t: number;
  /** Undefined where nothing came. */
  readonly answer: RecordedAnswer | undefined;
  readonly delayMs: number;
}

interface Asked extends RecordedReply {
  readonly channel: string;
  readonly request: string;
  answer: RecordedAnswer | undefined;
  delayMs: number;
  /** An answer came that is not whole. */
  cut: boolean;
}

/** Everything that a camera was asked, with its answers, by method and path and time. */
export class RecordedAnswers {
  readonly #replies: ReadonlyMap<string, readonly RecordedReply[]>;
  readonly durationMs: number;
  readonly count: number;

  constructor(frames: readonly Frame[]) {
    const asked = exchangesIn(frames);
    this.#replies = Map.groupBy(asked, ({ request }) => request);
    this.count = asked.length;
    this.durationMs = Math.max(1, (frames.at(-1)?.t ?? 0) + 1);
  }

  /**
   * What was answered at that time, `t` in ms since the recording's start: the last before it, else the first. Undefined where
   * this was never asked.
   */
  at(method: string, path: string, t: number): RecordedReply | undefined {
    const replies = this.#replies.get(`${method} ${path}`);
    return replies?.findLast((reply) => reply.t <= t) ?? replies?.[0];
  }
}

function exchangesIn(frames: readonly Frame[]): readonly Asked[] {
  const exchanges: Asked[] = [];
  const open = new Map<string, Asked[]>();
  for (const frame of frames) {
    const { t, direction, channel } = frame;
    const waiting = open.get(channel) ?? [];
    open.set(channel, waiting);
    const message = messageIn(frame);
    if (direction === "sent") {
      const request = message.first.replace(/ HTTP\/1\.1$/, "");
      const asked = { t, channel, request, answer: undefined, delayMs: 0, cut: false };
      waiting.push(asked);
      exchanges.push(asked);
      continue;
    }
    // Of several that wait, the older ones are those that were given up.
    const asked = waiting.pop();
    if (asked === undefined) continue;
    asked.delayMs = t - asked.t;
    asked.cut = !isWhole(frame);
    asked.answer = {
      status: Number(message.first.split(" ")[1] ?? 0),
      contentType: message.headers["content-type"] ?? "",
      etag: message.headers["etag"],
      body: message.body,
    };
  }
  return settled(exchanges.filter(({ cut }) => !cut));
}

/** A challenge that was met is no answer, and "not modified" stands for the answer before it. */
function settled(exchanges: readonly Asked[]): readonly Asked[] {
  const last = new Map<string, RecordedAnswer>();
  return exchanges.filter((asked, index) => {
    const { answer, request } = asked;
    if (answer?.status === 401) {
      const next = exchanges.slice(index + 1).find((other) => other.request === request);
      return next === undefined || next.answer?.status === 401;
    }
    if (answer?.status === 304) {
      asked.answer = last.get(request);
      return asked.answer !== undefined;
    }
    if (answer !== undefined) last.set(request, answer);
    return true;
  });
}

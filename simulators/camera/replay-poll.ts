import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { HttpPollConnection } from "../../adapters/camera/mapping.ts";
import { GatewayError } from "../../src/domain/errors.ts";
import type { Recording } from "../../src/trace/frame-reader.ts";
import type { ReplayOptions, RunningReplay } from "../site/replayer.ts";
import { RecordedAnswers, type RecordedReply } from "./recorded-answers.ts";
import { closeAgain, listenAgain } from "./replay-server.ts";

/** A recorded camera that is asked: each path answers as it did at that time, again and again. */
export class ReplayedPollCamera implements RunningReplay {
  readonly place: string;
  readonly #server: Server;
  readonly #timers: Set<NodeJS.Timeout>;

  private constructor(server: Server, place: string, timers: Set<NodeJS.Timeout>) {
    this.#server = server;
    this.place = place;
    this.#timers = timers;
  }

  static async start(
    { frames }: Recording,
    { url }: HttpPollConnection,
    options: ReplayOptions,
  ): Promise<ReplayedPollCamera> {
    const answers = new RecordedAnswers(frames);
    if (answers.count === 0) {
      throw new GatewayError(
        "CONFIG_INVALID",
        "The recording holds no request with a whole answer: there is nothing to answer from.",
      );
    }
    const { clock, speed } = options;
    const timers = new Set<NodeJS.Timeout>();
    const startedAt = clock.monotonic();
    const take = (request: IncomingMessage, response: ServerResponse) => {
      request.on("error", () => undefined).resume();
      const t = ((clock.monotonic() - startedAt) * speed) % answers.durationMs;
      const path = (request.url ?? "/").split("?")[0] ?? "/";
      const reply = answers.at(request.method ?? "GET", path, t);
      const timer = setTimeout(
        () => {
          timers.delete(timer);
          answer(request, response, reply);
        },
        (reply?.delayMs ?? 0) / speed,
      );
      timers.add(timer);
    };
    const { server, at } = await listenAgain(url, options, take);
    const seconds = (answers.durationMs / 1_000).toFixed(1);
    return new ReplayedPollCamera(server, `camera at ${at}, ${seconds} s again and again`, timers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    await closeAgain(this.#server);
  }
}

function answer(request: IncomingMessage, response: ServerResponse, reply: RecordedReply | undefined): void {
  if (reply === undefined) return void response.writeHead(404).end("This was never asked.");
  // It was silent then, and is again.
  if (reply.answer === undefined) return;
  const { status, contentType, etag, body } = reply.answer;
  const headers = {
    ...(contentType === "" ? {} : { "content-type": contentType }),
    ...(etag === undefined ? {} : { etag }),
  };
  if (etag !== undefined && request.headers["if-none-match"] === etag)
    response.writeHead(304, { etag }).end();
  else response.writeHead(status, { ...headers, "content-length": body.length }).end(body);
}

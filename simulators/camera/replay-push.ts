import type { HttpPushConnection } from "../../adapters/camera/mapping.ts";
import { pathOf } from "../../adapters/camera/mapping.ts";
import { GatewayError } from "../../src/domain/errors.ts";
import type { Frame } from "../../src/trace/frame.ts";
import type { Recording } from "../../src/trace/frame-reader.ts";
import { readSecret } from "../../src/security/read-secret.ts";
import { playAgain } from "../site/play-again.ts";
import type { ReplayOptions, RunningReplay } from "../site/replayer.ts";
import { pushTarget, sendPost, type PushOptions } from "./push.ts";
import { isWhole, messageIn } from "./recorded-message.ts";

/** Posts that wait for the gateway; what comes beyond while it does not answer is left out. */
const mostWaiting = 4;

/** A recorded camera that posts: the same posts, at their times, again and again. */
export class ReplayedPushCamera implements RunningReplay {
  readonly place: string;
  readonly #stop = new AbortController();
  readonly #playing: Promise<void>;
  /** One after the other, as the camera sent them. */
  #posting: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  private constructor(posts: readonly Frame[], target: PushOptions, { clock, speed }: ReplayOptions) {
    const { origin, pathname } = new URL(target.url);
    this.place = `posts to ${origin}${pathname}, ${posts.length} posts again and again`;
    this.#playing = playAgain(posts, { clock, speed, signal: this.#stop.signal }, (post) => {
      if (this.#waiting >= mostWaiting) return;
      this.#waiting += 1;
      const { headers, body } = messageIn(post);
      this.#posting = this.#posting
        .then(() => sendPost(target, headers["content-type"] ?? "", body))
        // The gateway is not there yet, or away: the next post finds it.
        .catch(() => undefined)
        .finally(() => (this.#waiting -= 1));
    });
  }

  static async start(
    { header, frames }: Recording,
    connection: HttpPushConnection,
    options: ReplayOptions,
  ): Promise<ReplayedPushCamera> {
    const posts = frames.filter((frame) => frame.direction === "received" && isWhole(frame));
    if (posts.length === 0) {
      throw new GatewayError("CONFIG_INVALID", "The recording holds no whole post of the camera.");
    }
    const token = await tokenFor(connection, options);
    const { host = connection.listen.host, port = connection.listen.port } = options;
    const path = pathOf({ device: header.device, connection });
    const target = pushTarget({ host, port, path, token, tokenIn: connection.tokenIn });
    return new ReplayedPushCamera(posts, target, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#playing;
    await this.#posting;
  }
}

/** The token itself is in no recording: it is looked up where the mapping says, unless one is given. */
async function tokenFor(
  { token }: HttpPushConnection,
  { password }: ReplayOptions,
): Promise<string | undefined> {
  if (password !== undefined || token === undefined) return password;
  try {
    return await readSecret(token, { siteDir: ".", environment: process.env });
  } catch (cause) {
    throw new GatewayError(
      "CONFIG_INVALID",
      `The camera shows a token, ${token}, which is not to be had here. Give it with --password, such as --password env:NAME.`,
      { cause },
    );
  }
}

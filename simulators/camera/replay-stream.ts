import type { Server } from "node:http";
import { WebSocketServer, type WebSocket } from "ws";
import { binaryMark } from "../../adapters/camera/trace.ts";
import type { WebSocketConnection } from "../../adapters/camera/mapping.ts";
import { GatewayError } from "../../src/domain/errors.ts";
import type { Frame } from "../../src/trace/frame.ts";
import type { Recording } from "../../src/trace/frame-reader.ts";
import { playAgain } from "../site/play-again.ts";
import type { ReplayOptions, RunningReplay } from "../site/replayer.ts";
import { isWhole } from "./recorded-message.ts";
import { closeAgain, listenAgain } from "./replay-server.ts";

/** A recorded camera that streams: whoever connects gets its messages from the beginning, again and again. */
export class ReplayedStreamCamera implements RunningReplay {
  readonly place: string;
  readonly #server: Server;
  readonly #streams: WebSocketServer;

  private constructor(server: Server, streams: WebSocketServer, place: string) {
    this.#server = server;
    this.#streams = streams;
    this.place = place;
  }

  static async start(
    { frames }: Recording,
    { url }: WebSocketConnection,
    options: ReplayOptions,
  ): Promise<ReplayedStreamCamera> {
    const messages = frames.filter((frame) => frame.direction === "received" && isWhole(frame));
    if (messages.length === 0) {
      throw new GatewayError("CONFIG_INVALID", "The recording holds no whole message of the camera.");
    }
    const { server, at } = await listenAgain(url, options);
    const streams = new WebSocketServer({ server, path: new URL(url).pathname });
    streams.on("connection", (client: WebSocket) => void stream(client, messages, options));
    const place = `camera at ${at}, ${messages.length} messages again and again`;
    return new ReplayedStreamCamera(server, streams, place);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#streams.clients) client.terminate();
    this.#streams.close();
    await closeAgain(this.#server);
  }
}

async function stream(
  client: WebSocket,
  messages: readonly Frame[],
  { clock, speed }: ReplayOptions,
): Promise<void> {
  const gone = new AbortController();
  client.on("error", () => undefined);
  client.on("close", () => gone.abort());
  await playAgain(messages, { clock, speed, signal: gone.signal }, ({ channel, bytes }) => {
    client.send(bytes, { binary: channel.endsWith(binaryMark) });
  });
}

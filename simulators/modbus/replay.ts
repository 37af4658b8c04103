import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { GatewayError } from "../../src/domain/errors.ts";
import type { Recording } from "../../src/trace/frame-reader.ts";
import type { ReplayOptions, Replayer, RunningReplay } from "../site/replayer.ts";
import { SimulatorConnection, type Answer } from "./connection.ts";
import { framings, type CutRequest } from "./framing.ts";
import { exchangesOf } from "./recorded-exchanges.ts";
import { RecordedMemory } from "./recorded-memory.ts";

/** A recorded Modbus device as a Modbus TCP server, whatever line it was recorded on. */
export const modbusReplayer: Replayer = {
  start: (recording, options) => ReplayServer.start(recording, options),
};

class ReplayServer implements RunningReplay {
  readonly #memory: RecordedMemory;
  readonly #options: ReplayOptions;
  readonly #connections = new Set<SimulatorConnection>();
  readonly #server: Server;
  readonly #startedAt: number;

  private constructor(memory: RecordedMemory, options: ReplayOptions) {
    this.#memory = memory;
    this.#options = options;
    this.#startedAt = options.clock.monotonic();
    this.#server = createServer((socket) => this.#accept(socket));
  }

  static async start({ header, frames }: Recording, options: ReplayOptions): Promise<ReplayServer> {
    const exchanges = exchangesOf(frames);
    if (exchanges.length === 0) {
      throw new GatewayError(
        "CONFIG_INVALID",
        "The recording holds no request: there is nothing to answer from.",
      );
    }
    const replay = new ReplayServer(new RecordedMemory(exchanges), options);
    const host = options.host ?? "127.0.0.1";
    const port = options.port ?? recordedPort(header.mapping);
    replay.#server.listen(port, host);
    try {
      await once(replay.#server, "listening");
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new GatewayError(
        "CONFIG_INVALID",
        `Can't listen on ${host}:${port}: ${why}. Choose another with --port.`,
        {
          cause,
        },
      );
    }
    return replay;
  }

  get place(): string {
    const { address, port } = this.#server.address() as AddressInfo;
    return `Modbus TCP at ${address}:${port}, ${(this.#memory.durationMs / 1_000).toFixed(1)} s again and again`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) connection.destroy();
    const closed = once(this.#server, "close");
    this.#server.close();
    await closed;
  }

  #accept(socket: Socket): void {
    const connection = new SimulatorConnection({
      id: this.#connections.size + 1,
      stream: socket,
      framing: framings.tcp,
      characterMs: 0,
      closesOnJunk: true,
      handlers: {
        onRequest: (_, request) => this.#answer(request),
        onClose: () => this.#connections.delete(connection),
      },
    });
    this.#connections.add(connection);
    connection.start();
  }

  #answer({ adu, transactionId }: CutRequest): Answer {
    const { clock, speed } = this.#options;
    const t = ((clock.monotonic() - this.#startedAt) * speed) % this.#memory.durationMs;
    const { response, delayMs } = this.#memory.answer(adu.readUInt8(0), adu.subarray(1), t);
    const answer = response && Buffer.concat([adu.subarray(0, 1), response]);
    return {
      frame: answer && framings.tcp.frame(answer, transactionId, undefined),
      fault: undefined,
      delayMs,
    };
  }
}

/** The port of the mapping; a free one where it was recorded on a serial line. */
function recordedPort(mapping: unknown): number {
  const { connection } = (mapping ?? {}) as { readonly connection?: { readonly port?: unknown } };
  return typeof connection?.port === "number" ? connection.port : 0;
}

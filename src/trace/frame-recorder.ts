import { createWriteStream, type WriteStream } from "node:fs";
import { once } from "node:events";
import type { FrameDirection } from "../adapter-kit/adapter.ts";
import type { Clock } from "../adapter-kit/clock.ts";
import { GatewayError } from "../domain/errors.ts";
import { frameLine, headerLine, neverOnlineLine, type RecordingHeader } from "./frame.ts";

/** What may wait for a slow disk; frames beyond it are counted, not kept. */
const mostPendingBytes = 8_000_000;

/** A recording that grows on disk: every line is whole once it is written, so that it can be read meanwhile. */
export class FrameRecorder {
  readonly #clock: Clock;
  readonly #stream: WriteStream;
  readonly #startedAt: number;
  #failed: Error | undefined;
  frames = 0;
  bytes = 0;
  /** Frames that the disk was too slow for. */
  dropped = 0;

  private constructor(clock: Clock, stream: WriteStream) {
    this.#clock = clock;
    this.#stream = stream;
    this.#startedAt = clock.monotonic();
    stream.on("error", (error) => {
      this.#failed = error;
    });
  }

  /** Begins a new file. Rejects with CONFIG_INVALID where it can't be written, or is there and may not be replaced. */
  static async create(
    path: string,
    header: Omit<RecordingHeader, "linegate" | "version" | "startedAt">,
    { clock, force }: { readonly clock: Clock; readonly force: boolean },
  ): Promise<FrameRecorder> {
    const stream = createWriteStream(path, { flags: force ? "w" : "wx" });
    try {
      await once(stream, "open");
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      const why = code === "EEXIST" ? "it is there already; --force writes over it" : message;
      throw new GatewayError("CONFIG_INVALID", `${path} can't be written: ${why}.`, { cause });
    }
    const recorder = new FrameRecorder(clock, stream);
    stream.write(`${headerLine({ linegate: "frames", version: 1, startedAt: clock.now(), ...header })}\n`);
    return recorder;
  }

  /** Never throws, never blocks. */
  keep(direction: FrameDirection, channel: string, frame: Uint8Array, more?: Uint8Array): void {
    if (this.#failed !== undefined || this.#stream.writableLength > mostPendingBytes) {
      this.dropped += 1;
      return;
    }
    const bytes = more === undefined ? frame : Buffer.concat([frame, more]);
    this.frames += 1;
    this.bytes += bytes.length;
    this.#stream.write(
      `${frameLine(this.#clock.monotonic() - this.#startedAt, direction, channel, bytes)}\n`,
    );
  }

  /**
   * Everything kept is in the file afterwards. Rejects with STORE_FULL where it is not.
   *
   * @param online whether the device was there at any time
   */
  async close(online: boolean): Promise<void> {
    if (!online) this.#stream.write(`${neverOnlineLine}\n`);
    await new Promise<void>((resolve) => {
      if (this.#stream.closed) resolve();
      this.#stream.once("close", () => resolve());
      this.#stream.end();
    });
    if (this.#failed === undefined) return;
    throw new GatewayError("STORE_FULL", `The recording broke off: ${this.#failed.message}.`, {
      cause: this.#failed,
    });
  }
}

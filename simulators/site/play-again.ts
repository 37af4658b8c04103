import type { Clock } from "../../src/adapter-kit/clock.ts";
import type { Frame } from "../../src/trace/frame.ts";

/** Between the last message and the first again. */
const breakMs = 1_000;

export interface PlayOptions {
  readonly clock: Clock;
  /** Recorded seconds a second. */
  readonly speed: number;
  readonly signal: AbortSignal;
}

/** Gives the frames at the times at which they were recorded, again and again until it is ended. Never rejects. */
export async function playAgain(
  frames: readonly Frame[],
  { clock, speed, signal }: PlayOptions,
  play: (frame: Frame) => void,
): Promise<void> {
  const first = frames[0]?.t ?? 0;
  while (!signal.aborted && frames.length > 0) {
    const startedAt = clock.monotonic();
    for (const frame of frames) {
      const wait = startedAt + (frame.t - first) / speed - clock.monotonic();
      if (wait > 0) await clock.sleep(wait, signal).catch(() => undefined);
      if (signal.aborted) return;
      play(frame);
    }
    await clock.sleep(breakMs, signal).catch(() => undefined);
  }
}

import { onTestFinished } from "vitest";
import { systemClock } from "../../src/adapter-kit/clock.ts";
import type { DeviceMapping } from "../../src/adapter-kit/mapping.ts";
import type { RecordingContext } from "../../src/adapter-kit/testing.ts";
import type { Recording } from "../../src/trace/frame-reader.ts";
import { replay, type ReplayOptions } from "./replayer.ts";

/** For tests: what an adapter has traced so far, as a recording of its device. */
export function recordingOf(mapping: DeviceMapping, { frames }: RecordingContext): Recording {
  const { device, adapter } = mapping;
  const start = frames[0]?.t ?? 0;
  return {
    header: { linegate: "frames", version: 1, device, adapter, startedAt: 0, mapping },
    frames: frames.map(({ t, direction, channel, frame, more }) => ({
      t: t - start,
      direction,
      channel,
      bytes: Buffer.concat([frame, more]),
    })),
    torn: false,
  };
}

/** For tests: the same as a running gateway gives it, without what it did not keep. */
export function recordingFromGateway(mapping: DeviceMapping, context: RecordingContext): Recording {
  const whole = recordingOf(mapping, context);
  const frames = context.frames.map(({ frame, more }, index) => {
    const { t = 0, direction = "sent", channel = "", bytes = Buffer.alloc(0) } = whole.frames[index] ?? {};
    const kept = { t, direction, channel, bytes: Buffer.from(frame) };
    return more.length === 0 ? kept : { ...kept, length: bytes.length };
  });
  return { ...whole, frames };
}

/** For tests: the recorded device, there again until the test ends. */
export async function replayed(recording: Recording, options: Partial<ReplayOptions> = {}) {
  const running = await replay(recording, { clock: systemClock, speed: 1, ...options });
  onTestFinished(() => running[Symbol.asyncDispose]());
  return running;
}

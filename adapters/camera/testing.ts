import { createHash } from "node:crypto";
import { expect, onTestFinished } from "vitest";
import type { ImageStore } from "../../src/adapter-kit/index.ts";
import { RecordingContext, type RecordingOptions } from "../../src/adapter-kit/testing.ts";
import { CameraSimulator, type CameraOptions } from "../../simulators/camera/camera.ts";
import { cameraAdapter } from "./adapter.ts";
import { inspection } from "./mapping-fixture.ts";
import type { CameraDevice } from "./mapping.ts";

/** A camera with results at /results that can be changed, images at /image; stopped with the test. */
export async function camera(options: Partial<CameraOptions> = {}) {
  const shown = { result: inspection("P-1") as unknown };
  const simulator = await CameraSimulator.start({
    result: (path) => (path === "/results" || path === "/stream" ? shown.result : undefined),
    image: (path) =>
      path === "/image"
        ? Buffer.from(`\x89PNG\r\n\x1a\n${JSON.stringify(shown.result)}`, "latin1")
        : undefined,
    ...options,
  });
  onTestFinished(() => simulator.stop());
  return { simulator, shown, url: `${simulator.origin}/results` };
}

/** Keeps what is put. */
export function keptImages() {
  const kept = new Map<string, { readonly bytes: Buffer; readonly contentType: string }>();
  const images: ImageStore = {
    put: async (key, image, contentType) => {
      kept.set(key, { bytes: Buffer.from(image), contentType });
      const sha256 = createHash("sha256").update(image).digest("hex");
      return { bucket: "images", key, sha256, bytes: image.length, contentType };
    },
  };
  return { kept, images };
}

/** The adapter connected and running on the device; `ended` settles with what ended it. */
export async function running(device: CameraDevice, options: RecordingOptions = {}) {
  const context = new RecordingContext(options);
  const adapter = cameraAdapter.create(device, context);
  const stop = new AbortController();
  await adapter.connect(AbortSignal.timeout(5_000));
  const ended = adapter.run(stop.signal);
  ended.catch(() => undefined);
  const end = async () => {
    stop.abort();
    await ended.catch(() => undefined);
    await adapter.close();
  };
  onTestFinished(end);
  return { context, adapter, ended, end };
}

/** What connecting fails with. */
export async function refusal(device: CameraDevice, options: RecordingOptions = {}): Promise<unknown> {
  const adapter = cameraAdapter.create(device, new RecordingContext(options));
  onTestFinished(() => adapter.close());
  return adapter.connect(AbortSignal.timeout(5_000)).then(
    () => undefined,
    (caught: unknown) => caught,
  );
}

/** The last value of a tag, awaited. */
export async function untilValue(context: RecordingContext, tag: string, value: unknown): Promise<void> {
  await expect.poll(() => context.latest.get(tag)?.value).toEqual(value);
}

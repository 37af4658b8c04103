import { setImmediate as turn } from "node:timers/promises";
import { Subject } from "rxjs";
import type { Clock } from "../src/adapter-kit/clock.ts";
import type { UploadConfig } from "../src/config/upload.ts";
import { byteSize } from "../src/domain/byte-size.ts";
import { ms } from "../src/domain/duration.ts";
import type { PublishedReading } from "../src/domain/reading.ts";
import { TagPath } from "../src/domain/tag-path.ts";
import { UploadService } from "../src/services/upload/upload-service.ts";
import type { OutgoingMessage } from "../src/store/state-store.ts";

/** The gateway's default limits of a batch. */
const batch: UploadConfig["batch"] = { maxAge: ms(30_000), maxBytes: byteSize(256_000), maxReadings: 50_000 };
const beganAt = Date.UTC(2026, 0, 1);
const secondMs = 1_000;
/** A poll is so much late at most, in ms. */
const latestMs = 4;
const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** A clock that goes on second by second, as fast as the work of each is done. */
class FastClock implements Clock {
  #time = 0;
  #wake: (() => void) | undefined;
  #asleep = Promise.withResolvers<void>();

  now(): number {
    return beganAt + this.#time;
  }

  monotonic(): number {
    return this.#time;
  }

  sleep(_ms: number, signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#wake = resolve;
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    this.#asleep.resolve();
    return promise;
  }

  /** A second on; resolves when whoever slept has done its work and sleeps again. */
  async step(): Promise<void> {
    this.#time += secondMs;
    this.#asleep = Promise.withResolvers<void>();
    this.#wake?.();
    await this.#asleep.promise;
  }
}

export interface MadeBatchesOptions {
  readonly gateway: string;
  readonly site: string;
  readonly minutes: number;
  /** Of which each second one reading is taken. */
  readonly tags: number;
  /** So many of them are uploaded raw, the others in windows of a minute. */
  readonly rawTags: number;
  readonly random: () => number;
}

/**
 * The batches of so many minutes, made by the gateway's own upload in as little time as its work takes: each reading is folded,
 * each batch is closed, coded and compressed as it would be. Values are those of sensors: a tenth is their resolution, and each is
 * near the one before.
 */
export async function madeBatches(options: MadeBatchesOptions): Promise<readonly OutgoingMessage[]> {
  const { gateway, site, minutes, tags, rawTags, random } = options;
  const clock = new FastClock();
  const readings$ = new Subject<PublishedReading>();
  const messages: OutgoingMessage[] = [];
  const config: UploadConfig = {
    tags: {
      "plc/{1}": {
        kind: "window",
        stream: "telemetry",
        every: ms(60_000),
        values: ["mean", "min", "max", "count"],
        lateness: ms(2_000),
      },
      "raw/{1}": { kind: "raw", stream: "telemetry" },
    },
    batch,
  };
  const service = new UploadService(config, {
    gateway,
    site,
    epoch: "day",
    readings$,
    clock,
    log: quiet,
    store: {
      read: () => new Map(),
      change: async (_changes, out = []) => {
        messages.push(...out);
        return "stored";
      },
      note: () => {},
    },
  });
  const payload = Buffer.alloc(0);
  const plant = Array.from({ length: tags }, (_, index) => ({
    path: new TagPath("data", site, index < rawTags ? "raw" : "plc", `value${index}`),
    tenths: 1_000 + Math.floor(random() * 500),
  }));
  service.start();
  for (let sequence = 1; sequence <= minutes * 60; sequence++) {
    const timestamp = clock.now() + Math.floor(random() * latestMs);
    const readAt = clock.monotonic();
    for (const tag of plant) {
      tag.tenths += Math.floor(random() * 3) - 1;
      const value = tag.tenths / 10;
      const reading = {
        path: tag.path,
        value,
        quality: "good",
        unit: "bar",
        timestamp,
        sequence,
        readAt,
      } as const;
      readings$.next({ json: "", payload, reading });
    }
    await clock.step();
    await turn();
  }
  await service.stop();
  return messages;
}

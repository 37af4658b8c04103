import { headers, type MsgHdrs } from "@nats-io/transport-node";
import type { Clock } from "../adapter-kit/clock.ts";
import type { Log } from "../adapter-kit/log.ts";
import { toGatewayError } from "../domain/errors.ts";
import { JetStreamApi, type StreamConfig } from "./jetstream-api.ts";
import type { NatsLink } from "./link.ts";

const requestWithinMs = 2_000;
const retryMs = 10_000;

export interface StateBucketOptions {
  /** Of the KV bucket, such as `alerts`. */
  readonly bucket: string;
  /** Below which all keys of this gateway stand, each one segment, such as `plant1.line1`: a server may serve several. */
  readonly prefix: string;
  readonly maxBytes: number;
  readonly link: Pick<NatsLink, "request" | "onRefill" | "state">;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The present states of something as a KV bucket of NATS (ADR-8), for any client's KV API: `<prefix>.<key>` holds the JSON
 * put last. While NATS is away only the newest of each key is remembered; on its return what differs is brought up to date.
 */
export class StateBucket {
  readonly #options: StateBucketOptions;
  readonly #api: JetStreamApi;
  /** What is to be in the bucket; null: to be removed. */
  readonly #wanted = new Map<string, string | null>();
  #changed = new Set<string>();
  #isLookedAt = false;
  #working: Promise<void> | undefined;
  #stopWatching: (() => void) | undefined;
  /** The problem that was told, so that it is told once. */
  #told: string | undefined;
  readonly #stopping = new AbortController();

  constructor(options: StateBucketOptions) {
    this.#options = options;
    this.#api = new JetStreamApi((subject, payload, header) =>
      options.link.request(subject, payload, requestWithinMs, header),
    );
  }

  /** From now on the bucket is kept up to date. */
  start(): void {
    this.#stopWatching = this.#options.link.onRefill((reason) => {
      if (reason !== "connected") return;
      this.#isLookedAt = false;
      this.#work();
    });
    this.#work();
  }

  /** Never throws; the newest of each key counts. */
  put(key: string, json: string): void {
    this.#want(key, json);
  }

  delete(key: string): void {
    this.#want(key, null);
  }

  /** Resolves when what was put is in the bucket, or can't be brought there. Idempotent. */
  async stop(): Promise<void> {
    this.#stopWatching?.();
    this.#stopping.abort();
    await this.#working;
  }

  /** The same again is nothing to write: the bucket is on flash. */
  #want(key: string, json: string | null): void {
    if (this.#wanted.get(key) === json) return;
    this.#wanted.set(key, json);
    this.#changed.add(key);
    this.#work();
  }

  /** One at a time: what comes meanwhile is brought along. */
  #work(): void {
    if (this.#working !== undefined || this.#options.link.state !== "connected") return;
    this.#working = this.#bring().finally(() => {
      this.#working = undefined;
      const isOpen = this.#changed.size > 0 || !this.#isLookedAt;
      if (isOpen && !this.#stopping.signal.aborted) this.#work();
    });
  }

  async #bring(): Promise<void> {
    const { clock, log, bucket } = this.#options;
    try {
      if (!this.#isLookedAt) await this.#look();
      for (const key of this.#changed) {
        this.#changed.delete(key);
        await this.#write(key).catch((caught: unknown) => {
          this.#changed.add(key);
          throw caught;
        });
      }
      this.#told = undefined;
    } catch (caught) {
      // A connection that is lost is told by the link, and its return begins this anew.
      if (this.#options.link.state !== "connected" || this.#stopping.signal.aborted) return;
      const problem = toGatewayError(caught).message;
      if (problem !== this.#told)
        log.warn({ bucket, error: problem, nextTryInMs: retryMs }, "A bucket of states is behind");
      this.#told = problem;
      await clock.sleep(retryMs, this.#stopping.signal).catch(() => undefined);
    }
  }

  /** Makes the bucket where there is none, and finds out what in it is not as it should be. */
  async #look(): Promise<void> {
    const { bucket, prefix } = this.#options;
    const below = `$KV.${bucket}.${prefix}.`;
    const config = this.#stream();
    this.#isLookedAt = true;
    try {
      if ((await this.#api.streamInfo(config.name)) === undefined) await this.#api.createStream(config);
      const stored = await this.#api.storedSubjects(config.name, `${below}*`);
      const found = stored.map((subject) => subject.slice(below.length));
      for (const key of found) if (!this.#wanted.has(key)) this.#wanted.set(key, null);
      for (const [key, json] of this.#wanted) {
        const held = found.includes(key) ? await this.#api.lastPayload(config.name, `${below}${key}`) : "";
        if (held !== (json ?? "")) this.#changed.add(key);
      }
    } catch (caught) {
      this.#isLookedAt = false;
      throw caught;
    }
  }

  async #write(key: string): Promise<void> {
    const { bucket, prefix } = this.#options;
    const json = this.#wanted.get(key);
    const subject = `$KV.${bucket}.${prefix}.${key}`;
    if (typeof json === "string") await this.#api.publish(subject, json);
    else {
      await this.#api.publish(subject, "", purged());
      if (this.#wanted.get(key) === null) this.#wanted.delete(key);
    }
  }

  /** As the clients of NATS make a bucket with one value a key. */
  #stream(): StreamConfig {
    const { bucket, maxBytes } = this.#options;
    return {
      name: `KV_${bucket}`,
      description: "Present states, kept by Linegate",
      subjects: [`$KV.${bucket}.>`],
      storage: "file",
      retention: "limits",
      discard: "new",
      max_msgs_per_subject: 1,
      max_bytes: maxBytes,
      allow_rollup_hdrs: true,
      allow_direct: true,
      deny_delete: true,
    };
  }
}

/** ADR-8: a key that is gone, and nothing that was before it. */
function purged(): MsgHdrs {
  const header = headers();
  header.set("KV-Operation", "PURGE");
  header.set("Nats-Rollup", "sub");
  return header;
}

import type { Clock } from "../../adapter-kit/clock.ts";
import type { Log } from "../../adapter-kit/log.ts";
import type { WriteRule } from "../../adapter-kit/mapping.ts";
import { formatDuration } from "../../domain/duration.ts";
import type { TagValue } from "../../domain/reading.ts";
import type { StateStore } from "../../store/state-store.ts";
import { backoff } from "../../supervisor/backoff.ts";

type Heartbeat = NonNullable<WriteRule["heartbeat"]>;

const scope = "write-heartbeats";
const firstWaitMs = 1_000;
const longestWaitMs = 60_000;
/** How often a write under way is looked at, that may end as no beat. */
const pendingLookMs = 100;

export interface HeartbeatsOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** In [0, 1): jitter between tries. */
  readonly random: () => number;
  readonly store: StateStore;
  /** `absent`: the device does not run (yet); undefined: the tag is there and has no heartbeat any more. */
  heartbeatOf(tag: string): Heartbeat | "absent" | undefined;
  /** Writes the fail-safe value, unless `isDue` says at its turn that the writer came back; true where it was confirmed. */
  writeFailSafe(tag: string, value: TagValue, why: string, isDue: () => boolean): Promise<boolean>;
  /** The writer is gone: told once, before the first try. */
  onLost(tag: string, heartbeat: Heartbeat, writer: string): void;
}

interface Watch {
  writer: string;
  /** Monotonic ms. */
  deadline: number;
  /** Writes under way: while there is one, the writer is there. */
  pending: number;
  /** False while no write of the writer's may have reached the device: there is nothing to make safe then. */
  reached: boolean;
  readonly stopped: AbortController;
}

/**
 * Watches over values that are only good while their writer lives. A tag is armed by the first write, which is stored
 * before it goes out, so that a kill of the gateway does not lose the watch; a confirmed write of the fail-safe value
 * itself is how a writer signs off. After a restart the writer has the whole time once more.
 */
export class Heartbeats {
  readonly #options: HeartbeatsOptions;
  readonly #watches = new Map<string, Watch>();

  constructor(options: HeartbeatsOptions) {
    this.#options = options;
  }

  /** Takes over what was armed when the gateway last ran. */
  start(): void {
    for (const [tag, json] of this.#options.store.read(scope)) this.#watch(tag, writerIn(json), true);
  }

  /** Writes nothing: the next start takes over. */
  stop(): void {
    for (const { stopped } of this.#watches.values()) stopped.abort();
    this.#watches.clear();
  }

  get armed(): number {
    return this.#watches.size;
  }

  /** Before a write goes out. Resolves when it is stored that the tag is armed: waited for in the first write only. */
  async arm(tag: string, writer: string): Promise<void> {
    const watch = this.#watches.get(tag);
    if (watch !== undefined) {
      watch.pending += 1;
      watch.writer = writer;
      return;
    }
    this.#watch(tag, writer, false).pending += 1;
    await this.#options.store.change([{ scope, key: tag, value: JSON.stringify({ writer }) }]);
  }

  /** After a write that was armed: whether it may have reached the device, and its value where it was confirmed: a beat. */
  settle(
    tag: string,
    { within, failSafe }: Heartbeat,
    reached: boolean,
    confirmed: TagValue | undefined,
  ): void {
    const watch = this.#watches.get(tag);
    if (watch === undefined) return;
    watch.pending -= 1;
    watch.reached ||= reached;
    if (!watch.reached) this.#disarm(tag, watch);
    if (confirmed === undefined) return;
    const same = typeof failSafe === "number" ? Number(confirmed) === failSafe : confirmed === failSafe;
    if (same) this.#disarm(tag, watch);
    else watch.deadline = this.#options.clock.monotonic() + within;
  }

  #watch(tag: string, writer: string, reached: boolean): Watch {
    const watch: Watch = {
      writer,
      deadline: this.#options.clock.monotonic() + this.#within(tag),
      pending: 0,
      reached,
      stopped: new AbortController(),
    };
    this.#watches.set(tag, watch);
    // Ends by the abort; whatever else went wrong would be a mistake of the program's, and must not go unseen.
    this.#guard(tag, watch).catch((caught: unknown) => {
      if (!watch.stopped.signal.aborted)
        this.#options.log.error({ tag, error: String(caught) }, "The watch over a heartbeat ended");
    });
    return watch;
  }

  #within(tag: string): number {
    const heartbeat = this.#options.heartbeatOf(tag);
    return typeof heartbeat === "object" ? heartbeat.within : 0;
  }

  #disarm(tag: string, watch: Watch): void {
    watch.stopped.abort();
    this.#watches.delete(tag);
    void this.#options.store.change([{ scope, key: tag, value: null }]);
  }

  async #guard(tag: string, watch: Watch): Promise<void> {
    const { clock, log, random } = this.#options;
    const { signal } = watch.stopped;
    const waits = () => backoff({ initial: firstWaitMs, max: longestWaitMs, random });
    let tries = waits();
    let told = false;
    let since: number | undefined;
    for (;;) {
      const heartbeat = this.#options.heartbeatOf(tag);
      if (heartbeat === "absent") {
        await clock.sleep(tries.next().value, signal);
        continue;
      }
      if (heartbeat === undefined) {
        log.warn({ tag }, "No fail-safe value is watched over any more: the mapping has no heartbeat for it");
        this.#disarm(tag, watch);
        return;
      }
      // Known only now after a restart, where devices come after the watch: the writer has the whole time from here.
      if (since === undefined) {
        since = clock.monotonic();
        watch.deadline = Math.max(watch.deadline, since + heartbeat.within);
      }
      const isDue = () => watch.pending === 0 && clock.monotonic() >= watch.deadline;
      if (!isDue()) {
        tries = waits();
        told = false;
        const left = watch.deadline - clock.monotonic();
        await clock.sleep(
          watch.pending > 0 ? Math.min(heartbeat.within, pendingLookMs) : Math.max(1, left),
          signal,
        );
        continue;
      }
      if (!told) {
        told = true;
        const fields = { tag, writer: watch.writer, failSafe: heartbeat.failSafe };
        log.warn(
          fields,
          `Its writer has not written for ${formatDuration(heartbeat.within)}: writing the fail-safe value`,
        );
        this.#options.onLost(tag, heartbeat, watch.writer);
      }
      const why = `${watch.writer} has not written for ${formatDuration(heartbeat.within)}`;
      if (await this.#options.writeFailSafe(tag, heartbeat.failSafe, why, isDue)) {
        // A write may have begun while this one ended: it comes after, and arms the tag anew.
        if (isDue()) return this.#disarm(tag, watch);
      } else await clock.sleep(tries.next().value, signal);
    }
  }
}

function writerIn(json: string): string {
  const { writer } = JSON.parse(json) as { readonly writer?: unknown };
  return typeof writer === "string" ? writer : "its writer";
}

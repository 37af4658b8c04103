import type { Adapter, AdapterContext } from "../adapter-kit/adapter.ts";
import { BusRegistry } from "../adapter-kit/bus.ts";
import { systemClock } from "../adapter-kit/clock.ts";
import type { LocalBroker } from "../adapter-kit/local-broker.ts";
import type { Log } from "../adapter-kit/log.ts";
import { GatewayError, toGatewayError } from "../domain/errors.ts";
import type { Sample } from "../domain/reading.ts";
import type { Target } from "./device-target.ts";
import { RemoteBroker } from "./remote-broker.ts";
import { filesFor, withoutStore } from "./surroundings.ts";

/** How long a device that speaks by itself is waited for. */
const usualPatienceMs = 5_000;

export interface SessionOptions {
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** One connection of a command's own to one device, without a gateway. */
export class DeviceSession implements AsyncDisposable {
  readonly target: Target;
  readonly adapter: Adapter;
  readonly #signal: AbortSignal;
  readonly #latest: Map<string, Sample>;
  readonly #closing: (() => Promise<void>)[];
  #running: Promise<void> | undefined;

  private constructor(parts: {
    readonly target: Target;
    readonly adapter: Adapter;
    readonly signal: AbortSignal;
    readonly latest: Map<string, Sample>;
    readonly closing: (() => Promise<void>)[];
  }) {
    this.target = parts.target;
    this.adapter = parts.adapter;
    this.#signal = parts.signal;
    this.#latest = parts.latest;
    this.#closing = parts.closing;
  }

  /** Connects. Rejects in the adapter's words, and says so where a running gateway may hold the device's one connection. */
  static async open(target: Target, { log, signal }: SessionOptions): Promise<DeviceSession> {
    const latest = new Map<string, Sample>();
    const remote = target.broker === undefined ? undefined : await RemoteBroker.connect(target.broker);
    const adapter = target.module.create(target.mapping, contextOf(target, log, remote, latest));
    const closing = [() => adapter.close(), async () => remote?.close()];
    const session = new DeviceSession({ target, adapter, signal, latest, closing });
    try {
      await adapter.connect(signal);
      return session;
    } catch (caught) {
      await session[Symbol.asyncDispose]();
      throw await withGatewayHint(toGatewayError(caught), target);
    }
  }

  /** One sample a tag, in the order given: asked for, or waited for where the device can't be asked. */
  async read(tags: readonly string[], patienceMs = usualPatienceMs): Promise<readonly Sample[]> {
    const { adapter, target } = this;
    // Behind a broker a device speaks by itself: what it holds, and whether it can be written to, is known once it has.
    if (adapter.read === undefined || target.broker !== undefined) await this.#hear(tags, patienceMs);
    if (adapter.read !== undefined) return adapter.read(tags, this.#signal);
    return tags.map(
      (tag) => this.#latest.get(tag) ?? { tag, value: null, quality: "bad", status: "NothingReceived" },
    );
  }

  /** Listens from now on to the end of the session; resolves when all of these tags have said something, or patience ends. */
  async #hear(tags: readonly string[], patienceMs: number): Promise<void> {
    if (this.#running === undefined) {
      const over = new AbortController();
      const signal = AbortSignal.any([this.#signal, over.signal]);
      this.#running = this.adapter.run(signal).catch((caught: unknown) => {
        if (!signal.aborted) throw caught;
      });
      this.#closing.unshift(async () => {
        over.abort();
        await this.#running;
      });
    }
    const end = systemClock.monotonic() + patienceMs;
    const isSilent = (tag: string) =>
      this.#latest.get(tag)?.noSignOfLife !== undefined || !this.#latest.has(tag);
    const arrived = async () => {
      while (!this.#signal.aborted && systemClock.monotonic() < end && tags.some(isSilent))
        await systemClock.sleep(25, this.#signal).catch(() => undefined);
    };
    await Promise.race([arrived(), this.#running]);
  }

  /** Idempotent; leaves no timer and no socket. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const close of this.#closing.splice(0)) await close().catch(() => undefined);
  }
}

function contextOf(
  target: Target,
  log: Log,
  broker: LocalBroker | undefined,
  latest: Map<string, Sample>,
): AdapterContext {
  const buses = new BusRegistry();
  return {
    ...withoutStore,
    files: filesFor(target),
    log,
    clock: systemClock,
    phase: 0,
    metrics: { request: () => undefined, fault: () => undefined },
    broker: broker ?? withoutStore.broker,
    emit: (samples) => {
      for (const sample of samples) latest.set(sample.tag, sample);
    },
    lost: () => undefined,
    event: () => undefined,
    trace: () => undefined,
    bus: (key, create) => buses.lease(key, create),
  };
}

/** Many devices take one connection; a gateway on the same folder has it already. */
async function withGatewayHint(error: GatewayError, { gateway }: Target): Promise<GatewayError> {
  if (error.code !== "DEVICE_UNREACHABLE" && error.code !== "DEVICE_TIMEOUT") return error;
  const { host, port } = gateway?.http.listen ?? { host: "", port: 0 };
  if (port === 0) return error;
  const url = `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
  const runs = await answers(`${url}/healthz`);
  if (!runs) return error;
  return new GatewayError(
    error.code,
    `${error.message}\nA gateway runs on this folder (${url}), and many devices take one connection only: stop the gateway meanwhile. ` +
      `What it reads now is shown by \`linegate monitor DIR --gateway\`, its raw frames by \`linegate record\` with --from-gateway ${url}.`,
    { cause: error, context: error.context },
  );
}

/** Whoever answers, and whatever it says: somebody is there. */
async function answers(url: string): Promise<boolean> {
  try {
    await fetch(url, { signal: AbortSignal.timeout(500) });
    return true;
  } catch {
    return false;
  }
}

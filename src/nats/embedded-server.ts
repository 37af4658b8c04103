import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../adapter-kit/clock.ts";
import type { Log } from "../adapter-kit/log.ts";
import type { ListenAddress } from "../config/gateway-schema.ts";
import { GatewayError, isAbort, toGatewayError } from "../domain/errors.ts";
import { backoff } from "../supervisor/backoff.ts";
import { settleWithin } from "../supervisor/settle-within.ts";
import { findServer } from "./find-server.ts";
import type { HubRemote } from "./hub-remote.ts";
import type { LeafFault } from "./leaf-fault.ts";
import { killLeftover, pidFileText } from "./leftover.ts";
import { serverConfig, type NatsUser, type ServerTls } from "./server-config.ts";
import { inspectServer, testConfig, type ServerProgram } from "./server-program.ts";
import { launchServer, type ServerProcess } from "./server-process.ts";
import { prepareStore, storeLimit } from "./store.ts";

const firstWaitMs = 100;
const longestWaitMs = 10_000;
/** A server that ran this long starts the back-off anew. */
const soundAfterMs = 30_000;
/** JetStream reads its whole store before it listens: seconds for gigabytes on a slow card. */
const readyWithinMs = 120_000;
/** A sound server ends in tens of milliseconds, and syncs its store first; one that hangs never does. */
const stopWithinMs = 1_500;

export interface EmbeddedServerOptions {
  readonly gateway: string;
  readonly listen: ListenAddress;
  /** JetStream's folder, absolute; made where it is missing. The configuration and the pid file stand there as well. */
  readonly store: string;
  readonly maxFileBytes: number;
  readonly maxMemoryBytes: number;
  /** The public key of the gateway's own user. */
  readonly gatewayKey: string;
  readonly users: readonly NatsUser[];
  /** Absolute paths. */
  readonly tls?: ServerTls | undefined;
  /** Where it is a leaf of. */
  readonly hub?: HubRemote | undefined;
  /** The program to run, where one is configured. */
  readonly server?: string | undefined;
  /** As the environment's PATH. */
  readonly searchPath: string;
  readonly log: Log;
  readonly clock: Clock;
  /** In [0, 1): jitter of the back-off. */
  readonly random: () => number;
}

export type EmbeddedServerState = "stopped" | "starting" | "running" | "waiting";

/** The nats-server that is a child of the gateway: restarted when it exits, ended with the gateway however that ends. */
export class EmbeddedServer {
  readonly #options: EmbeddedServerOptions;
  readonly #abort = new AbortController();
  readonly #onRunning: () => void;
  #state: EmbeddedServerState = "stopped";
  #process: ServerProcess | undefined;
  #port: number;
  #restarts = 0;
  #version = "";
  #maxFileBytes: number;
  #syncsAtAck = false;
  #watched: Promise<void> | undefined;
  #stopped: Promise<void> | undefined;

  /** `onRunning` is called after each start and restart, when clients can connect. */
  constructor(options: EmbeddedServerOptions, onRunning: () => void = () => undefined) {
    this.#options = options;
    this.#port = options.listen.port;
    this.#maxFileBytes = options.maxFileBytes;
    this.#onRunning = onRunning;
  }

  get state(): EmbeddedServerState {
    return this.#state;
  }

  /** The port that clients connect to; the one that the operating system chose stays the same over restarts. */
  get port(): number {
    return this.#port;
  }

  /** The loopback port of its monitoring while it runs, where it has a hub. */
  get monitorPort(): number | undefined {
    return this.#state === "running" ? this.#process?.monitorPort : undefined;
  }

  /** Why something in its store takes nothing more, until it is started anew; undefined where all does. */
  get writeError(): string | undefined {
    return this.#process?.writeError;
  }

  /** What the leaf's connection to the hub suffered last. */
  get leafFault(): LeafFault | undefined {
    return this.#process?.leafFault;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** The most that JetStream keeps on disk: less than asked for where the disk has no room for it. */
  get maxFileBytes(): number {
    return this.#maxFileBytes;
  }

  /** Whether it has synced what it acknowledges: `sync_interval: always` stands in its configuration. */
  get syncsAtAck(): boolean {
    return this.#syncsAtAck;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** Such as `2.9.10`; empty before the start. */
  get version(): string {
    return this.#version;
  }

  /**
   * Makes sure that the store is this gateway's alone: a server left behind by one that is gone is killed. Rejects with
   * CONFIG_INVALID where another gateway runs on it.
   */
  async claim(): Promise<void> {
    const { store, log, clock } = this.#options;
    await prepareStore(store);
    const killed = await killLeftover(this.#pidFile, this.#configFile, clock);
    if (killed !== undefined) log.warn({ pid: killed }, "Ended the nats-server of a gateway that is gone");
  }

  /** Resolves when clients can connect. Rejects with CONFIG_INVALID or INTERNAL where the server can't be run. */
  async start(signal: AbortSignal): Promise<void> {
    const { server, searchPath, store, log } = this.#options;
    this.#state = "starting";
    const abort = () => this.#abort.abort(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      signal.throwIfAborted();
      const program = await inspectServer(await findServer(server, searchPath));
      this.#version = program.version.text;
      this.#syncsAtAck = program.version.features.syncInterval;
      if (!program.diesWithGateway) {
        log.warn({}, "setpriv (util-linux) is missing: nats-server would outlive a gateway that is killed");
      }
      await this.claim();
      this.#maxFileBytes = await storeLimit(store, this.#options.maxFileBytes);
      if (this.#maxFileBytes < this.#options.maxFileBytes) {
        log.warn(
          { wanted: this.#options.maxFileBytes, taken: this.#maxFileBytes },
          "The disk has no room for nats.embedded.maxBytes: JetStream is given less",
        );
      }
      await this.#writeConfig(program);
      await testConfig(program, this.#configFile);
      await this.#launch(program);
      this.#watched = this.#watch(program);
    } catch (caught) {
      await this.stop();
      throw caught;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /** Ends a server that hangs, at once; the restart follows as after any exit. */
  kill(): void {
    if (this.#state === "running") this.#process?.kill("SIGKILL");
  }

  /** Idempotent. SIGTERM first, SIGKILL where that does not help; no restart follows. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #stop(): Promise<void> {
    this.#abort.abort(new DOMException("The embedded nats-server is being stopped", "AbortError"));
    const running = this.#process;
    if (running !== undefined) {
      running.kill("SIGTERM");
      await settleWithin(running.ended, this.#abort.signal, stopWithinMs, () =>
        running.kill("SIGKILL"),
      ).catch(() => running.ended);
      await rm(this.#pidFile, { force: true });
    }
    await this.#watched;
    this.#process = undefined;
    this.#state = "stopped";
  }

  get #configFile(): string {
    return join(this.#options.store, "nats-server.json");
  }

  get #pidFile(): string {
    return join(this.#options.store, "nats-server.pid");
  }

  async #writeConfig(program: ServerProgram): Promise<void> {
    const { listen } = this.#options;
    const text = serverConfig({
      ...this.#options,
      host: listen.host,
      port: this.#port,
      maxFileBytes: this.#maxFileBytes,
      features: program.version.features,
    });
    await writeFile(this.#configFile, text, { mode: 0o600 });
  }

  async #launch(program: ServerProgram): Promise<void> {
    const { log, clock } = this.#options;
    this.#abort.signal.throwIfAborted();
    this.#state = "starting";
    const started = launchServer(program, this.#configFile, log, clock);
    this.#process = started;
    await this.#notePid(started.pid);
    const port = await this.#untilReady(started);
    if (this.#port !== port) {
      this.#port = port;
      await this.#writeConfig(program);
    }
    this.#state = "running";
    this.#onRunning();
  }

  /** On a full disk the note is missed, but the server is more use than the note. */
  async #notePid(pid: number): Promise<void> {
    try {
      await writeFile(this.#pidFile, pidFileText(pid, process.pid), { mode: 0o600 });
    } catch (caught) {
      this.#options.log.warn({ error: toGatewayError(caught).message }, "The pid file can't be written");
    }
  }

  async #untilReady(started: ServerProcess): Promise<number> {
    const patience = AbortSignal.timeout(readyWithinMs);
    const signal = AbortSignal.any([this.#abort.signal, patience]);
    try {
      return await settleWithin(started.ready, signal, 0, () => started.kill("SIGKILL"));
    } catch (caught) {
      if (!patience.aborted) throw caught;
      throw new GatewayError("INTERNAL", `nats-server was not ready after ${readyWithinMs / 1_000} s`, {
        cause: caught,
      });
    }
  }

  /** Restarts what exits, until stopped. */
  async #watch(program: ServerProgram): Promise<void> {
    const { clock, log, random } = this.#options;
    const signal = this.#abort.signal;
    let waits = backoff({ initial: firstWaitMs, max: longestWaitMs, random });
    while (!signal.aborted) {
      const since = clock.monotonic();
      // One server after the other: that is what this loop is for.
      const how = (await this.#process?.ended) ?? "";
      if (signal.aborted) return;
      if (clock.monotonic() - since > soundAfterMs) {
        waits = backoff({ initial: firstWaitMs, max: longestWaitMs, random });
      }
      const waitMs = waits.next().value;
      this.#state = "waiting";
      log.error({ how, nextTryInMs: waitMs }, "nats-server has ended; it will be started again");
      try {
        await clock.sleep(waitMs, signal);
        await this.#launch(program);
        this.#restarts += 1;
        log.info({ restarts: this.#restarts }, "nats-server runs again");
      } catch (caught) {
        if (signal.aborted || isAbort(caught)) return;
        log.debug({ error: toGatewayError(caught).message }, "nats-server did not come up");
      }
    }
  }
}

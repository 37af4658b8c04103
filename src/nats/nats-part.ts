import { resolve } from "node:path";
import type { Clock } from "../adapter-kit/clock.ts";
import type { Log } from "../adapter-kit/log.ts";
import type { HubConfig, NatsConfig } from "../config/gateway-schema.ts";
import { GatewayError } from "../domain/errors.ts";
import type { PartHealth } from "../observability/health.ts";
import type { StreamName } from "../store/outbox-row.ts";
import type { LinkTarget } from "./dial.ts";
import { foreignStoreBytes } from "./durable-stream.ts";
import { EmbeddedServer } from "./embedded-server.ts";
import { externalTarget } from "./external-target.ts";
import { Forwarder } from "./forwarder.ts";
import type { TakenPlace } from "./hub-place.ts";
import { HubLink, type HubStatus } from "./hub-link.ts";
import { hubRemote } from "./hub-remote.ts";
import { LeafTaken, type HubTaken } from "./hub-taken.ts";
import { InboxWire, type HubWire } from "./hub-wire.ts";
import { NatsLink } from "./link.ts";
import { absolutePaths, createOwnKey, ownTls, ownUrl, withOwnAuthority } from "./own-access.ts";
import { RoundTripProbe, usualProbeTimes, type ProbeTimes } from "./probe.ts";
import type { NatsUser } from "./server-config.ts";
import { isNearlyFull, prepareStore } from "./store.ts";

/** The embedded server is on this machine: a link that takes longer is refused, not slow. */
const linkWithinMs = 10_000;
/** With less than this on the disk a new start would not help. */
const leastRoomBytes = 1_000_000;
/** What JetStream needs in memory beside LATEST. */
const spareMemoryBytes = 4_000_000;

export interface NatsPartOptions {
  readonly gateway: string;
  /** Relative paths of the configuration start here. */
  readonly siteDir: string;
  readonly config: NatsConfig;
  /** Users of the embedded server; without any, whoever reaches its listener may do everything. */
  readonly users: readonly NatsUser[];
  /** The secret that `nats.password` points to, looked up. */
  readonly password?: string | undefined;
  /** The hub that the embedded server is a leaf of. */
  readonly hub?: HubPart | undefined;
  /** As the environment's PATH. */
  readonly searchPath: string;
  readonly probe?: ProbeTimes;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: () => number;
}

/** What the part is told of the hub, and tells of it. */
export interface HubPart {
  /** The gateway's place, such as `plant1/line1`. */
  readonly site: string;
  readonly config: HubConfig;
  /** Subjects of the site's own programs. */
  readonly own?: readonly string[];
  /** Looks up a secret: `env:NAME` or `file:PATH`. Rejects with CONFIG_INVALID. */
  readonly secret: (reference: string) => Promise<string>;
  /** After each change of the link to the hub, and again every minute. */
  readonly onStatus: (status: HubStatus) => void;
  /** Up to where the hub was known to have a stream before the start. */
  readonly known: (stream: StreamName) => TakenPlace | undefined;
  /** Which incarnation of a stream is written to. */
  readonly incarnation: (stream: StreamName) => number;
}

/** The gateway's own nats-server, and how its link gets there. */
interface Embedded {
  readonly server: EmbeddedServer;
  readonly target: () => LinkTarget;
}

/** All of NATS in the gateway: the link, and the embedded server with its probe unless `nats.url` names another. */
export class NatsPart {
  readonly link: NatsLink;
  readonly #options: NatsPartOptions;
  readonly #probe: RoundTripProbe;
  readonly #stopping = new AbortController();
  readonly #hub: HubLink | Forwarder | undefined;
  readonly #taken: HubTaken | undefined;
  readonly #wire: HubWire | undefined;
  #server: EmbeddedServer | undefined;
  #probing: Promise<unknown> | undefined;
  #embedded: Promise<Embedded> | undefined;

  constructor(options: NatsPartOptions) {
    this.#options = options;
    this.link = new NatsLink({ ...options, latestBytes: options.config.latestBytes });
    this.#probe = new RoundTripProbe(
      this.link,
      options.clock,
      options.probe ?? usualProbeTimes,
      () => this.#server?.writeError,
    );
    if (options.hub?.config.url !== undefined) {
      const forwarder = new Forwarder({ ...options, ...options.hub, local: this.link });
      this.#hub = forwarder;
      this.#taken = forwarder;
      this.#wire = new InboxWire({ ...options, api: "$JS.API", link: forwarder.link });
    } else if (options.hub !== undefined && options.config.url === undefined) {
      const { onStatus, config } = options.hub;
      const hub = new HubLink({
        ...options,
        onStatus,
        monitorPort: () => this.#server?.monitorPort,
        fault: () => this.#server?.leafFault,
      });
      const wire = new InboxWire({ ...options, api: `$JS.${config.domain}.API`, link: this.link });
      this.#hub = hub;
      this.#wire = wire;
      this.#taken = new LeafTaken({ ...options, wire, status: () => hub.status });
    }
  }

  /** The embedded server; undefined before the start and where `nats.url` is used. */
  get server(): Pick<EmbeddedServer, "pid" | "port" | "restarts" | "state" | "version"> | undefined {
    return this.#server;
  }

  /** For clients: the real port included. */
  get url(): string {
    const { url, embedded } = this.#options.config;
    if (url !== undefined) return url;
    const { host, port } = embedded.listen;
    return `nats://${host.includes(":") ? `[${host}]` : host}:${this.#server?.port ?? port}`;
  }

  /** The link to the hub; undefined where there is none. */
  get hub(): Pick<HubLink, "counters" | "health" | "status"> | undefined {
    return this.#hub;
  }

  /** A local stream has more, which may be forwarded. */
  wake(stream: StreamName): void {
    if (this.#hub instanceof Forwarder) this.#hub.wake(stream);
  }

  /** How far the hub has taken over what was collected; undefined where there is none. */
  get taken(): HubTaken | undefined {
    return this.#taken;
  }

  /** Questions to the hub; undefined where there is none. */
  get wire(): HubWire | undefined {
    return this.#wire;
  }

  /** The connection over which commands of the hub come; undefined where they come over the leaf, or are not accepted. */
  get commands(): Pick<NatsLink, "subscribe"> | undefined {
    const isAccepted = this.#options.hub?.config.accept.includes("commands") === true;
    return isAccepted && this.#hub instanceof Forwarder ? this.#hub.link : undefined;
  }

  /** What JetStream may keep on disk: of a server that somebody else runs, a guess. */
  get storeBytes(): number {
    return this.#server?.maxFileBytes ?? foreignStoreBytes;
  }

  /** Whether the server has surely synced what it acknowledges. Of one that somebody else runs nobody knows. */
  get syncsAtAck(): boolean {
    return this.#server?.syncsAtAck ?? false;
  }

  /** Rejects with CONFIG_INVALID where another gateway runs on the embedded server's store: no two may share one. */
  async claim(): Promise<void> {
    if (this.#options.config.url === undefined) await (await this.#embed()).server.claim();
  }

  /**
   * With the embedded server: resolves when the link stands; rejects where the server can't be run.
   * With `nats.url`: connects in the background, for as long as it takes; rejects with CONFIG_INVALID only.
   */
  async start(signal: AbortSignal): Promise<void> {
    const { config, password, siteDir } = this.#options;
    if (config.url !== undefined) {
      const target = await externalTarget(config.url, config, password, siteDir);
      signal.throwIfAborted();
      this.link.start(() => target);
      this.#probing = this.#hub?.run(this.#stopping.signal);
      return;
    }
    try {
      await this.#startEmbedded(signal);
    } catch (caught) {
      await this.stop();
      throw caught;
    }
  }

  /** Idempotent: the link first, so that what it holds still goes out, then the server. */
  async stop(): Promise<void> {
    this.#stopping.abort(new DOMException("NATS is being stopped", "AbortError"));
    // A probe under way ends with the link: a server that hangs would keep it for seconds.
    await this.link.stop();
    await this.#probing;
    await this.#server?.stop();
  }

  /** Judged by the last round trip. */
  health(): PartHealth {
    const problems: string[] = [];
    const { state, lastError, latestProblem } = this.link;
    if (state !== "connected") problems.push(lastError ?? `the link is ${state}`);
    else {
      if (latestProblem !== undefined) problems.push(`LATEST is missing: ${latestProblem}`);
      if (this.#probe.lastError !== undefined)
        problems.push(`the last round trip failed: ${this.#probe.lastError}`);
    }
    if (this.#server !== undefined && this.#server.state !== "running") {
      problems.push(`nats-server is ${this.#server.state}`);
    }
    return problems.length === 0 ? { ok: true } : { ok: false, detail: problems.join("; ") };
  }

  #embed(): Promise<Embedded> {
    this.#embedded ??= this.#makeEmbedded();
    return this.#embedded;
  }

  async #makeEmbedded(): Promise<Embedded> {
    const { config, siteDir, hub: anyHub } = this.#options;
    const hub = anyHub?.config.leaf === undefined ? undefined : anyHub;
    const { embedded } = config;
    const key = createOwnKey();
    const store = resolve(siteDir, embedded.store);
    await prepareStore(store);
    const tls = embedded.tls === undefined ? undefined : absolutePaths(embedded.tls, siteDir);
    const linkTls = tls === undefined ? undefined : await ownTls(tls);
    const hubPassword =
      hub?.config.password === undefined ? undefined : await hub.secret(hub.config.password);
    const server = new EmbeddedServer(
      {
        ...this.#options,
        ...embedded,
        store,
        maxFileBytes: embedded.maxBytes,
        maxMemoryBytes: config.latestBytes + spareMemoryBytes,
        gatewayKey: key.publicKey,
        tls: tls === undefined ? undefined : await withOwnAuthority(tls, store),
        hub: hub && hubRemote(hub.config, hubPassword, siteDir, hub.own),
      },
      () => {
        this.#probe.reset();
        this.link.connectNow();
      },
    );
    const target = (): LinkTarget => ({
      url: ownUrl(embedded.listen, server.port),
      authenticator: key.authenticator,
      ...(linkTls === undefined ? {} : { tls: linkTls }),
    });
    return { server, target };
  }

  async #startEmbedded(signal: AbortSignal): Promise<void> {
    const { log, siteDir, config } = this.#options;
    const store = resolve(siteDir, config.embedded.store);
    const { server, target } = await this.#embed();
    this.#server = server;
    await server.start(signal);
    const linked = this.#linked(signal);
    this.link.start(target);
    await linked;
    const probing = this.#probe.run(this.#stopping.signal, (error) => {
      if (server.state !== "running") return;
      // On a disk that is still full it would be as before.
      if (server.writeError !== undefined && isNearlyFull(store, leastRoomBytes)) return;
      log.error(
        { error, pid: server.pid },
        "nats-server hangs: it stores nothing. It is killed and started again",
      );
      server.kill();
    });
    this.#probing = Promise.all([probing, this.#hub?.run(this.#stopping.signal)]);
  }

  async #linked(signal: AbortSignal): Promise<void> {
    const connected = Promise.withResolvers<void>();
    const forget = this.link.onRefill(() => connected.resolve());
    const impatience = new AbortController();
    const late = this.#options.clock
      .sleep(linkWithinMs, AbortSignal.any([signal, impatience.signal]))
      .then(() => {
        const why = this.link.lastError ?? "no answer";
        throw new GatewayError("INTERNAL", `The gateway can't connect to its own nats-server: ${why}`);
      });
    try {
      await Promise.race([connected.promise, late]);
    } finally {
      forget();
      impatience.abort();
      late.catch(() => undefined);
    }
  }
}

import { randomUUID } from "node:crypto";
import { join, resolve } from "node:path";
import type { Observable } from "rxjs";
import type { AdapterModule } from "./adapter-kit/adapter.ts";
import type { Clock } from "./adapter-kit/clock.ts";
import type { Log } from "./adapter-kit/log.ts";
import { adapterRegistry } from "./adapter-registry.ts";
import { Broker, type BrokerAddresses } from "./broker/broker.ts";
import type { ListenAddress } from "./config/gateway-schema.ts";
import type { Site } from "./config/site.ts";
import { diffSites } from "./config/site-diff.ts";
import { GatewayError } from "./domain/errors.ts";
import type { PublishedReading } from "./domain/reading.ts";
import { NatsImageStore } from "./nats/image-store.ts";
import { hubMetrics } from "./nats/hub-metrics.ts";
import { NatsPart } from "./nats/nats-part.ts";
import { OutboxPublisher } from "./nats/outbox-publisher.ts";
import type { Metric } from "./observability/exposition.ts";
import { gatewayMetrics } from "./observability/gateway-metrics.ts";
import type { Health } from "./observability/health.ts";
import { HttpEndpoint } from "./observability/http-endpoint.ts";
import { isolate } from "./pipeline/isolate.ts";
import { TagWatch } from "./pipeline/tag-watch.ts";
import { Authenticator } from "./security/authenticator.ts";
import { natsUsers } from "./security/nats-permissions.ts";
import { siteFiles } from "./security/site-files.ts";
import { auditFolder } from "./services/audit/audit-segment.ts";
import { AuditTrail } from "./services/audit/audit-trail.ts";
import { CommandService } from "./services/commands/command-service.ts";
import { LastValues } from "./services/live/last-values.ts";
import { SitePublisher } from "./services/live/site-publisher.ts";
import { SiteServices } from "./services/site-services.ts";
import { SqliteStateStore } from "./store/sqlite-state-store.ts";
import { DeviceFleet } from "./supervisor/device-fleet.ts";
import { FrameTrace } from "./trace/frame-trace.ts";

export interface GatewayDeps {
  readonly log: Log;
  readonly clock: Clock;
  /** In [0, 1): jitter. */
  readonly random: () => number;
  /** The environment's PATH, where nats-server is looked for. */
  readonly searchPath: string;
  /** Where the secrets are looked up that devices' mappings name as env:NAME; absent: there are none. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** The secret that `nats.password` points to, looked up. */
  readonly natsPassword?: string | undefined;
  /** Where protocols come from: the adapter registry, unless a benchmark brings its own. */
  readonly loadAdapter?: (name: string) => Promise<AdapterModule>;
}

/** Where the gateway can be reached, real ports included. */
export interface GatewayAddresses {
  readonly broker: BrokerAddresses;
  /** The URL for NATS clients. */
  readonly nats: string;
  readonly http: ListenAddress;
}

/** What an edited folder changed. */
export interface Applied {
  readonly restarted: readonly string[];
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Keys of gateway.yaml that take effect at the next start only. */
  readonly needRestart: readonly string[];
}

/**
 * The composition root: constructs every part and lays the straight line through them (design §1).
 *
 * device → adapter → Sample → normalise → Reading → broker → readings$ → NATS, and back through the command service.
 */
export class Gateway {
  readonly #deps: GatewayDeps;
  #site: Site;
  readonly #last = new LastValues();
  readonly #broker: Broker;
  readonly #nats: NatsPart;
  readonly #fleet: DeviceFleet;
  readonly #publisher: SitePublisher;
  readonly #store: SqliteStateStore;
  readonly #outbox: OutboxPublisher;
  readonly #audit: AuditTrail;
  readonly #commands: CommandService;
  readonly #services: SiteServices;
  readonly #http: HttpEndpoint;
  readonly #watch: TagWatch;
  readonly #trace: FrameTrace;
  readonly #stopping = new AbortController();
  #stopped: Promise<void> | undefined;
  #startedAt = 0;
  #reloads = { applied: 0, refused: 0 };
  #starting: Promise<void> = Promise.resolve();
  #applying: Promise<unknown> = Promise.resolve();

  constructor(site: Site, deps: GatewayDeps) {
    this.#site = site;
    this.#deps = deps;
    const { log, clock, random } = deps;
    const { gateway, site: place, broker, nats, http, users, writes, trace } = site.gateway;
    this.#watch = new TagWatch(place, log);
    this.#trace = new FrameTrace({ maxBytes: trace.maxBytes, clock });
    const authenticator = new Authenticator(users, { log, clock });
    this.#broker = new Broker(broker, {
      siteDir: site.dir,
      site: place,
      log,
      clock,
      authenticator,
      lastValues: this.#last,
    });
    const data = resolve(site.dir, nats.embedded.store);
    const files = siteFiles({
      siteDir: site.dir,
      environment: deps.environment ?? {},
      folder: join(data, "adapters"),
    });
    this.#nats = new NatsPart({
      gateway,
      siteDir: site.dir,
      config: nats,
      users: natsUsers(users, { gateway, site: place, imageBucket: site.gateway.images.bucket }),
      password: deps.natsPassword,
      hub: site.gateway.hub && {
        config: site.gateway.hub,
        secret: (text) => files.secret(text),
        onStatus: (status) => this.#publisher.gateway("hub", status),
      },
      searchPath: deps.searchPath,
      log,
      clock,
      random,
    });
    this.#publisher = new SitePublisher({
      site: place,
      broker: this.#broker,
      link: this.#nats.link,
      last: this.#last,
      clock,
      log,
    });
    this.#fleet = new DeviceFleet({
      site: place,
      gateway,
      clock,
      log,
      random,
      broker: this.#broker,
      publish: (reading) => this.#publisher.reading(reading),
      onState: (device, state) => {
        if (state.state === "offline") this.#trace.lost(device, state.error.code);
        this.#publisher.state(device, state);
      },
      onEvent: (device, event) => this.#publisher.event(device, event),
      onFrame: (device, ...frame) => this.#trace.keep(device, ...frame),
      onFault: (device, kind) => this.#trace.fault(device, kind),
      images: new NatsImageStore({ config: site.gateway.images, link: this.#nats.link, clock }),
      files,
      watch: (tag, onReading) => this.#watch.watch(tag, onReading),
      onGone: (topics) => this.#publisher.forget(topics),
      load: deps.loadAdapter ?? loadRegistered,
    });
    this.#store = new SqliteStateStore({
      dir: data,
      gateway,
      outbox: site.gateway.outbox,
      newToken: randomUUID,
      clock,
      log,
    });
    this.#outbox = new OutboxPublisher({
      store: this.#store,
      link: this.#nats.link,
      storeBytes: () => this.#nats.storeBytes,
      syncsAtAck: () => this.#nats.syncsAtAck,
      clock,
      log,
    });
    this.#audit = new AuditTrail({
      gateway,
      dir: join(data, auditFolder),
      limits: site.gateway.audit,
      clock,
      log,
      store: this.#store,
      publish: (subject, payload) => this.#nats.link.publish(subject, payload),
    });
    this.#commands = new CommandService({
      gateway,
      site: place,
      ...writes,
      clock,
      random,
      newToken: randomUUID,
      log,
      broker: this.#broker,
      link: this.#nats.link,
      audit: this.#audit,
      store: this.#store,
      find: (device) => this.#fleet.devices.get(device),
      userOf: (client) => this.#broker.userOf(client),
      onEvent: (device, event) => this.#publisher.event(device, event),
    });
    this.#services = new SiteServices({
      gateway,
      site: place,
      readings$: this.readings$,
      deviceStates$: this.deviceStates$,
      secret: (text) => files.secret(text),
      isOnline: (device) => this.#fleet.devices.get(device)?.supervisor.state.state === "online",
      store: this.#store,
      commands: this.#commands,
      broker: this.#broker,
      link: this.#nats.link,
      audit: this.#audit,
      log,
      clock,
      random,
    });
    this.#http = new HttpEndpoint({
      listen: http.listen,
      health: () => this.health(),
      metrics: () => this.metrics(),
      frames: {
        summary: () => this.#trace.summary(),
        recording: (name, incident) => this.#frames(name, incident),
      },
      authorise: (user, password, address) => authenticator.mayLook(user, password, address),
    });
    this.readings$.subscribe(isolate("watch", log, ({ reading }) => this.#watch.take(reading)));
  }

  /** Every reading as it is published. A subscriber must be quick, or put a bounded operator between. */
  get readings$(): Observable<PublishedReading> {
    return this.#publisher.readings$;
  }

  get deviceStates$(): SitePublisher["deviceStates$"] {
    return this.#publisher.deviceStates$;
  }

  /** Every alert as it stands; none where there is no alerts.yaml. */
  get alerts(): SiteServices["alerts"] {
    return this.#services.alerts;
  }

  get addresses(): GatewayAddresses {
    return { broker: this.#broker.addresses, nats: this.#natsUrl(), http: this.#http.address };
  }

  /** The embedded nats-server; undefined before the start and where `nats.url` is used. */
  get natsServer(): NatsPart["server"] {
    return this.#nats.server;
  }

  /** Starts every part; devices are polled before nats-server is up. Rejects where a listener can't be opened. */
  start(): Promise<void> {
    this.#starting = this.#start();
    // An edit that comes during the start waits for it.
    this.#applying = this.#starting;
    return this.#starting;
  }

  /** Ends every part, the devices first; what they leave behind is still published. Idempotent; waits for a start. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async #start(): Promise<void> {
    this.#startedAt = this.#deps.clock.monotonic();
    try {
      // First, so that a second gateway on one folder is told that, and not that a port is taken.
      await this.#nats.claim();
      await allDone([this.#broker.start(), this.#http.start()]);
      this.#stopping.signal.throwIfAborted();
      this.#store.open();
      this.#outbox.start();
      await this.#audit.start();
      this.#commands.start();
      this.#services.start(this.#site);
      await allDone([this.#nats.start(this.#stopping.signal), this.#fleet.start(this.#site.devices)]);
    } catch (caught) {
      await this.#tearDown().catch(() => undefined);
      throw caught;
    }
  }

  async #stop(): Promise<void> {
    this.#stopping.abort(new DOMException("The gateway is being stopped", "AbortError"));
    await this.#starting.catch(() => undefined);
    await this.#applying.catch(() => undefined);
    await this.#tearDown();
  }

  async #tearDown(): Promise<void> {
    await this.#services.stop();
    this.#commands.stop();
    await this.#fleet.stop();
    this.#publisher.stopForgetting();
    await this.#audit.stop();
    await this.#outbox.stop();
    this.#store.close();
    await allDone([this.#nats.stop(), this.#http.stop(), this.#broker.stop()]);
    this.#publisher.complete();
  }

  /** Takes an edited folder over: only the touched devices restart, the others miss no poll. One at a time. */
  apply(site: Site): Promise<Applied> {
    const applied = this.#applying.catch(() => undefined).then(() => this.#apply(site));
    this.#applying = applied;
    return applied;
  }

  /** Counts an edit that was refused because of mistakes in it. */
  refuseReload(): void {
    this.#reloads.refused += 1;
  }

  health(): Health {
    const parts = { broker: this.#broker.health(), nats: this.#nats.health() };
    const hub = this.#nats.hub?.health();
    const devices = [...this.#fleet.devices].map(([name, device]) => [name, device.supervisor.state.state]);
    return {
      ok: Object.values(parts).every((part) => part.ok),
      gateway: this.#site.gateway.gateway,
      upSeconds: Math.round((this.#deps.clock.monotonic() - this.#startedAt) / 1000),
      // A hub that is away is told, but does not make the gateway unhealthy.
      parts: hub === undefined ? parts : { ...parts, hub },
      devices: Object.fromEntries(devices),
    };
  }

  *metrics(): Iterable<Metric> {
    yield* this.#services.metrics();
    yield* this.#outbox.metrics();
    if (this.#nats.hub !== undefined) yield* hubMetrics(this.#nats.hub);
    yield* gatewayMetrics({
      devices: this.#fleet.devices,
      readToNats: this.#publisher.readToNats,
      link: this.#nats.link.counters,
      broker: this.#broker.counters,
      writes: this.#commands.counters,
      writeReasons: this.#commands.reasons,
      writeHeartbeats: this.#commands.heartbeats,
      audit: this.#audit.counters,
      reloads: this.#reloads,
      natsRestarts: this.natsServer?.restarts ?? 0,
      tags: this.#last.size,
    });
  }

  #frames(name: string, incident?: number): readonly string[] | undefined {
    const device = this.#fleet.devices.get(name);
    return device === undefined ? undefined : this.#trace.recording(device.mapping, incident);
  }

  #natsUrl(): string {
    const { url, embedded } = this.#site.gateway.nats;
    if (url !== undefined) return url;
    const { host, port } = embedded.listen;
    return `nats://${host.includes(":") ? `[${host}]` : host}:${this.natsServer?.port ?? port}`;
  }

  async #apply(site: Site): Promise<Applied> {
    this.#stopping.signal.throwIfAborted();
    const { added, changed, removed, restartKeys } = diffSites(this.#site, site);
    // gateway.yaml takes effect at the next start: until then its edits are told at each reload.
    this.#site = { ...site, gateway: this.#site.gateway };
    await allDone(removed.map((device) => this.#remove(device)));
    await allDone(
      site.devices
        .filter(({ device }) => changed.includes(device) || added.includes(device))
        .map((mapping) => this.#fleet.put(mapping)),
    );
    await this.#services.apply(site);
    this.#reloads.applied += 1;
    return { restarted: changed, added, removed, needRestart: restartKeys };
  }

  async #remove(device: string): Promise<void> {
    await this.#fleet.remove(device);
    this.#trace.forget(device);
    this.#publisher.removeDevice(device);
  }
}

async function loadRegistered(name: string): Promise<AdapterModule> {
  const registered = adapterRegistry[name];
  if (registered === undefined)
    throw new GatewayError("CONFIG_INVALID", `There is no adapter ${JSON.stringify(name)}.`);
  return registered.load();
}

/** Waits for all of them, whatever becomes of each, so that nothing is still under way; then throws the first failure. */
async function allDone(work: readonly Promise<void>[]): Promise<void> {
  for (const end of await Promise.allSettled(work)) if (end.status === "rejected") throw end.reason;
}

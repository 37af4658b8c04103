import { randomUUID } from "node:crypto";
import { join, resolve } from "node:path";
import { Subject, type Observable } from "rxjs";
import type { AdapterModule } from "./adapter-kit/adapter.ts";
import type { DeviceEvent } from "./adapter-kit/device-event.ts";
import type { Clock } from "./adapter-kit/clock.ts";
import type { Log } from "./adapter-kit/log.ts";
import { adapterRegistry } from "./adapter-registry.ts";
import { Broker, type BrokerAddresses } from "./broker/broker.ts";
import type { ListenAddress } from "./config/gateway-schema.ts";
import type { Site } from "./config/site.ts";
import { diffSites } from "./config/site-diff.ts";
import { GatewayError } from "./domain/errors.ts";
import { encodeReading, type PublishedReading, type Reading } from "./domain/reading.ts";
import { TagPath, topicOfSubject } from "./domain/tag-path.ts";
import type { RefillReason } from "./nats/link.ts";
import { LatestForgetter } from "./nats/latest-forgetter.ts";
import { NatsImageStore } from "./nats/image-store.ts";
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
import { LivePublisher } from "./services/live/live-publisher.ts";
import { LinePart } from "./services/scheduling/line-part.ts";
import { SqliteStateStore } from "./store/sqlite-state-store.ts";
import { DeviceFleet } from "./supervisor/device-fleet.ts";
import { encodeDeviceState, type DeviceState } from "./supervisor/device-state.ts";
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
  readonly #readings = new Subject<PublishedReading>();
  readonly #states = new Subject<{ readonly device: string; readonly state: DeviceState }>();
  readonly #last = new LastValues();
  readonly #broker: Broker;
  readonly #nats: NatsPart;
  readonly #fleet: DeviceFleet;
  readonly #live: LivePublisher;
  readonly #forgetter: LatestForgetter;
  /** The last state of each device, as published. */
  readonly #stated = new Map<string, { readonly path: TagPath; readonly json: string }>();
  readonly #store: SqliteStateStore;
  readonly #outbox: OutboxPublisher;
  readonly #audit: AuditTrail;
  readonly #commands: CommandService;
  readonly #line: LinePart;
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
    this.#nats = new NatsPart({
      gateway,
      siteDir: site.dir,
      config: nats,
      users: natsUsers(users, { gateway, site: place, imageBucket: site.gateway.images.bucket }),
      password: deps.natsPassword,
      searchPath: deps.searchPath,
      log,
      clock,
      random,
    });
    this.#live = new LivePublisher(this.#nats.link, this.#last, clock);
    this.#forgetter = new LatestForgetter({
      link: this.#nats.link,
      hasValue: (subject) => this.#last.get(topicOfSubject(subject)) !== undefined,
      republish: (subject) => void this.#live.republish(topicOfSubject(subject)),
      log,
    });
    this.#fleet = new DeviceFleet({
      site: place,
      clock,
      log,
      random,
      broker: this.#broker,
      publish: (reading) => this.#publish(reading),
      onState: (device, state) => this.#publishState(device, state),
      onEvent: (device, event) => this.#publishEvent(device, event),
      onFrame: (device, direction, channel, frame) => this.#trace.keep(device, direction, channel, frame),
      onFault: (device, kind) => this.#trace.fault(device, kind),
      images: new NatsImageStore({ config: site.gateway.images, link: this.#nats.link, clock }),
      files: siteFiles({
        siteDir: site.dir,
        environment: deps.environment ?? {},
        folder: resolve(site.dir, nats.embedded.store, "adapters"),
      }),
      watch: (tag, onReading) => this.#watch.watch(tag, onReading),
      onGone: (topics) => this.#forget(topics),
      load: deps.loadAdapter ?? loadRegistered,
    });
    const data = resolve(site.dir, nats.embedded.store);
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
      publish: (subject, payload) => this.#store.soon({ stream: "EVENTS", subject, payload }),
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
      onEvent: (device, event) => this.#publishEvent(device, event),
    });
    this.#line = new LinePart({
      gateway,
      site: place,
      readings$: this.#readings,
      deviceStates$: this.#states,
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
    this.#readings.subscribe(isolate("live", log, (reading) => this.#live.publish(reading)));
    this.#readings.subscribe(isolate("watch", log, ({ reading }) => this.#watch.take(reading)));
    this.#nats.link.onRefill((reason) => this.#refill(reason));
  }

  /** Every reading as it is published. A subscriber must be quick, or put a bounded operator between. */
  get readings$(): Observable<PublishedReading> {
    return this.#readings;
  }

  get deviceStates$(): Observable<{ readonly device: string; readonly state: DeviceState }> {
    return this.#states;
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
      this.#line.start(this.#site.line);
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
    await this.#line.stop();
    this.#commands.stop();
    await this.#fleet.stop();
    this.#forgetter.stop();
    await this.#audit.stop();
    await this.#outbox.stop();
    this.#store.close();
    await allDone([this.#nats.stop(), this.#http.stop(), this.#broker.stop()]);
    this.#readings.complete();
    this.#states.complete();
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
    const devices = [...this.#fleet.devices].map(([name, device]) => [name, device.supervisor.state.state]);
    return {
      ok: Object.values(parts).every((part) => part.ok),
      gateway: this.#site.gateway.gateway,
      upSeconds: Math.round((this.#deps.clock.monotonic() - this.#startedAt) / 1000),
      parts,
      devices: Object.fromEntries(devices),
    };
  }

  *metrics(): Iterable<Metric> {
    yield* this.#line.metrics();
    yield* this.#outbox.metrics();
    yield* gatewayMetrics({
      devices: this.#fleet.devices,
      readToNats: this.#live.readToNats,
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

  /** The hot path from here on: encoded once, retained, given to MQTT, then to everyone downstream. */
  #publish(reading: Reading): void {
    const json = encodeReading(reading);
    const payload = Buffer.from(json);
    this.#last.set(reading.path, json);
    this.#broker.publish(reading.path.topic, payload);
    this.#readings.next({ reading, json, payload });
  }

  #publishState(device: string, state: DeviceState): void {
    if (state.state === "offline") this.#trace.lost(device, state.error.code);
    const path = new TagPath("state", this.#site.gateway.site, device);
    const json = encodeDeviceState(state, this.#deps.clock.now());
    this.#stated.set(device, { path, json });
    this.#broker.publish(path.topic, json, { retain: true, qos: 1 });
    this.#nats.link.publish(path.subject, Buffer.from(json));
    this.#states.next({ device, state });
  }

  /** Not retained: an event happened once. */
  #publishEvent(device: string, { name, timestamp, data }: DeviceEvent): void {
    const path = new TagPath("event", this.#site.gateway.site, device, name);
    const payload = Buffer.from(JSON.stringify({ timestamp: timestamp ?? this.#deps.clock.now(), data }));
    this.#broker.publish(path.topic, payload, { qos: 1 });
    void this.#store.change([], [{ stream: "EVENTS", subject: path.subject, payload }]);
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

  /** Whenever subscribers or LATEST may have missed readings: the newest of each tag again. */
  #refill(reason: RefillReason): void {
    if (reason === "connected") {
      for (const { path, json } of this.#stated.values())
        this.#nats.link.publish(path.subject, Buffer.from(json));
      this.#forgetter.retry();
    }
    this.#live.refill(reason === "drained" ? "missed" : "all");
  }

  #forget(topics: readonly string[]): void {
    for (const topic of topics) this.#last.delete(topic);
    this.#forgetter.forget(topics.map((topic) => topic.replaceAll("/", ".")));
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
    this.#line.apply(site.line);
    this.#reloads.applied += 1;
    return { restarted: changed, added, removed, needRestart: restartKeys };
  }

  async #remove(device: string): Promise<void> {
    await this.#fleet.remove(device);
    this.#trace.forget(device);
    this.#stated.delete(device);
    this.#broker.clearRetained(new TagPath("state", this.#site.gateway.site, device).topic);
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

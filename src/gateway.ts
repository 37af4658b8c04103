import { randomUUID } from "node:crypto";
import { join, resolve } from "node:path";
import type { Observable } from "rxjs";
import { loadRegistered } from "./adapter-registry.ts";
import { Broker } from "./broker/broker.ts";
import type { Site } from "./config/site.ts";
import { diffSites } from "./config/site-diff.ts";
import type { PublishedReading } from "./domain/reading.ts";
import { allDone } from "./gateway/all-done.ts";
import type { Applied, GatewayAddresses, GatewayDeps } from "./gateway/gateway-types.ts";
import { Lifecycle } from "./gateway/lifecycle.ts";
import { watchOffline } from "./gateway/offline.ts";
import { SiteDevices } from "./gateway/site-devices.ts";
import { NatsImageStore } from "./nats/image-store.ts";
import { hubMetrics } from "./nats/hub-metrics.ts";
import { NatsPart } from "./nats/nats-part.ts";
import { isNearlyFull } from "./nats/store.ts";
import type { OfflineWatch } from "./nats/offline-watch.ts";
import { OutboxPublisher } from "./nats/outbox-publisher.ts";
import type { Metric } from "./observability/exposition.ts";
import { gatewayMetrics } from "./observability/gateway-metrics.ts";
import type { Health } from "./observability/health.ts";
import { offlineMetrics } from "./observability/offline-metrics.ts";
import { HttpEndpoint } from "./observability/http-endpoint.ts";
import { Authenticator } from "./security/authenticator.ts";
import { exchangedSubjects, natsUsers } from "./security/nats-permissions.ts";
import { siteFiles } from "./security/site-files.ts";
import { ownAlerts } from "./services/alerting/own-alerts.ts";
import { auditFolder } from "./services/audit/audit-segment.ts";
import { AuditTrail } from "./services/audit/audit-trail.ts";
import { CommandService } from "./services/commands/command-service.ts";
import { offlineHealth, storeHealth } from "./services/live/offline-teller.ts";
import { pushDownOf } from "./services/push-down/push-down-part.ts";
import type { PushDown } from "./services/push-down/push-down.ts";
import { LastValues } from "./services/live/last-values.ts";
import { DurableEvents } from "./services/live/durable-events.ts";
import { SitePublisher } from "./services/live/site-publisher.ts";
import { SiteServices } from "./services/site-services.ts";
import { SeenIdentities } from "./store/seen-identities.ts";
import { SqliteStateStore } from "./store/sqlite-state-store.ts";

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
  readonly #devices: SiteDevices;
  readonly #publisher: SitePublisher;
  readonly #durable: DurableEvents;
  readonly #store: SqliteStateStore;
  readonly #outbox: OutboxPublisher;
  readonly #offline: OfflineWatch;
  readonly #audit: AuditTrail;
  readonly #commands: CommandService;
  readonly #services: SiteServices;
  readonly #pushDown: PushDown | undefined;
  readonly #http: HttpEndpoint;
  readonly #life: Lifecycle;
  #startedAt = 0;
  #reloads = { applied: 0, refused: 0 };

  constructor(site: Site, deps: GatewayDeps) {
    this.#site = site;
    this.#deps = deps;
    const { log, clock, random } = deps;
    const { dir } = site;
    const config = site.gateway;
    const { gateway, site: place, nats, users, images } = config;
    const basis = { gateway, site: place, log, clock, random };
    const authenticator = new Authenticator(users, { log, clock });
    const data = resolve(dir, nats.embedded.store);
    this.#store = new SqliteStateStore({ ...basis, dir: data, outbox: config.outbox, newToken: randomUUID });
    this.#broker = new Broker(config.broker, {
      ...basis,
      siteDir: dir,
      authenticator,
      lastValues: this.#last,
      store: this.#store,
    });
    const files = siteFiles({
      siteDir: dir,
      environment: deps.environment ?? {},
      folder: join(data, "adapters"),
    });
    this.#nats = new NatsPart({
      ...basis,
      siteDir: dir,
      config: nats,
      users: natsUsers(users, { gateway, site: place, imageBucket: images.bucket }),
      password: deps.natsPassword,
      hub: config.hub && {
        site: place,
        config: config.hub,
        own: exchangedSubjects(users),
        secret: (text) => files.secret(text),
        onStatus: (status) => {
          this.#publisher.gateway("hub", status);
          if (status.connected) this.#pushDown?.look();
        },
        known: (stream) => this.#offline.known(stream),
        incarnation: (stream) => this.#outbox.incarnation(stream),
      },
      searchPath: deps.searchPath,
    });
    const net = { broker: this.#broker, link: this.#nats.link };
    this.#publisher = new SitePublisher({ ...basis, ...net, store: this.#store, last: this.#last });
    const seen = new SeenIdentities(() => clock.now());
    this.#store.join(seen);
    this.#durable = new DurableEvents({ ...basis, ...net, store: this.#store, seen });
    this.#devices = new SiteDevices({
      ...basis,
      ...net,
      traceBytes: config.trace.maxBytes,
      publisher: this.#publisher,
      images: new NatsImageStore({ ...net, config: images, clock }),
      files,
      load: deps.loadAdapter ?? loadRegistered,
    });
    this.#outbox = new OutboxPublisher({
      ...basis,
      link: net.link,
      store: this.#store,
      storeBytes: () => this.#nats.storeBytes,
      syncsAtAck: () => this.#nats.syncsAtAck,
      isTight: () => isNearlyFull(data),
      isSourced: site.gateway.hub?.leaf !== undefined,
      gate: {
        isHeld: (stream, underWay) => this.#offline.isHeld(stream, underWay),
        stored: (stream, bytes) => {
          this.#offline.stored(stream, bytes);
          this.#nats.wake(stream);
        },
      },
    });
    this.#offline = watchOffline({
      ...basis,
      hasHub: config.hub !== undefined,
      publish: this.#publisher,
      thin: (every) => this.#services.thin(every),
      store: this.#store,
      publisher: this.#outbox,
      link: net.link,
      hub: this.#nats.taken,
      limits: config.outbox,
      storeBytes: () => this.#nats.storeBytes,
      ...(deps.lookEveryMs === undefined ? {} : { everyMs: deps.lookEveryMs }),
    });
    this.#audit = new AuditTrail({
      ...basis,
      dir: join(data, auditFolder),
      limits: config.audit,
      store: this.#store,
      publish: (subject, payload) => this.#store.soon({ stream: "EVENTS", subject, payload }),
    });
    const kept = { ...net, store: this.#store, audit: this.#audit };
    this.#commands = new CommandService({
      ...basis,
      ...kept,
      ...config.writes,
      hub: this.#nats.commands,
      newToken: randomUUID,
      find: (device) => this.#devices.running.get(device),
      userOf: (client) => this.#broker.userOf(client),
      onEvent: (device, event) => this.#publisher.event(device, event),
    });
    this.#services = new SiteServices({
      ...basis,
      ...kept,
      publisher: this.#publisher,
      onDurable: (listener) => this.#durable.onDurable(listener),
      readings$: this.readings$,
      deviceStates$: this.deviceStates$,
      secret: (text) => files.secret(text),
      states: () => this.#devices.states,
      isOnline: (device) => this.#devices.isOnline(device),
      lastReadings: (topic) => this.#last.reading(topic, clock.monotonic()),
      places: config.services,
      own: ownAlerts(config),
      commands: this.#commands,
    });
    this.#pushDown = pushDownOf({
      ...basis,
      ...kept,
      dir,
      hub: config.hub,
      wire: this.#nats.wire,
      changeFolder: deps.changeFolder,
      startAgain: deps.startAgain,
      tell: (state) => this.#publisher.gateway("push", state),
    });
    this.#http = new HttpEndpoint({
      listen: config.http.listen,
      listenKey: "`http.listen` in gateway.yaml",
      health: () => this.health(),
      metrics: () => this.metrics(),
      frames: {
        summary: () => this.#devices.trace.summary(),
        recording: (name, incident) => this.#devices.recording(name, incident),
      },
      authorise: (user, password, address) => authenticator.mayLook(user, password, address),
    });
    this.#life = new Lifecycle({
      start: (signal) => this.#start(signal),
      tearDown: () => this.#tearDown(),
    });
  }

  /** Every reading as it is published. A subscriber must be quick, or put a bounded operator between. */
  get readings$(): Observable<PublishedReading> {
    return this.#publisher.readings$;
  }

  get deviceStates$(): SitePublisher["deviceStates$"] {
    return this.#publisher.deviceStates$;
  }

  /** Every alert as it stands, the gateway's own among them; none where they are decided outside. */
  get alerts(): SiteServices["alerts"] {
    return this.#services.alerts;
  }

  get addresses(): GatewayAddresses {
    return { broker: this.#broker.addresses, nats: this.#nats.url, http: this.#http.address };
  }

  /** The embedded nats-server; undefined before the start and where `nats.url` is used. */
  get natsServer(): NatsPart["server"] {
    return this.#nats.server;
  }

  /** Starts every part; devices are polled before nats-server is up. Rejects where a listener can't be opened. */
  start(): Promise<void> {
    return this.#life.start();
  }

  /** Ends every part, the devices first; what they leave behind is still published. Idempotent; waits for a start. */
  stop(): Promise<void> {
    return this.#life.stop();
  }

  async #start(stopping: AbortSignal): Promise<void> {
    this.#startedAt = this.#deps.clock.monotonic();
    // First, so that a second gateway on one folder is told that, and not that a port is taken.
    await this.#nats.claim();
    this.#store.open();
    await this.#broker.open();
    this.#outbox.start();
    await this.#audit.start();
    this.#commands.start();
    this.#services.start(this.#site);
    this.#offline.start();
    // Before any device can publish: no durable message is acknowledged that is not taken.
    this.#durable.use(this.#site.devices);
    await allDone([this.#broker.start(), this.#http.start()]);
    stopping.throwIfAborted();
    await allDone([this.#nats.start(stopping), this.#devices.start(this.#site.devices)]);
    await this.#pushDown?.start();
  }

  async #tearDown(): Promise<void> {
    this.#durable.stop();
    await this.#pushDown?.stop();
    await this.#services.stopDeciding();
    this.#commands.stop();
    await this.#devices.stop();
    await this.#services.stopUpload();
    await this.#audit.stop();
    await this.#offline.stop();
    await this.#outbox.stop();
    // What it says last of its sessions is still stored.
    await this.#broker.stop();
    this.#store.close();
    await allDone([this.#nats.stop(), this.#http.stop()]);
    this.#publisher.complete();
  }

  /** Takes an edited folder over: only the touched devices restart, the others miss no poll. One at a time. */
  apply(site: Site): Promise<Applied> {
    return this.#life.change(() => this.#apply(site));
  }

  /** Counts an edit that was refused because of mistakes in it. */
  refuseReload(): void {
    this.#reloads.refused += 1;
  }

  health(): Health {
    const parts = { broker: this.#broker.health(), nats: this.#nats.health() };
    const hub = this.#nats.hub?.health();
    const upload = this.#services.uploadHealth();
    return {
      ok: Object.values(parts).every((part) => part.ok),
      gateway: this.#site.gateway.gateway,
      upSeconds: Math.round((this.#deps.clock.monotonic() - this.#startedAt) / 1000),
      // A hub that is away, messages that wait and what is not uploaded are told, but do not make the gateway unhealthy.
      parts: {
        ...parts,
        store: storeHealth(this.#store.condition),
        outbox: offlineHealth(this.#offline.now, this.#problem),
        ...(hub && { hub }),
        ...(upload && { upload }),
      },
      devices: this.#devices.states,
    };
  }

  *metrics(): Iterable<Metric> {
    yield* this.#services.metrics();
    yield* this.#outbox.metrics();
    const { now } = this.#offline;
    const hasHub = this.#nats.hub !== undefined;
    if (now !== undefined) yield* offlineMetrics(now, hasHub, this.#deps.clock.now());
    if (this.#nats.hub !== undefined) yield* hubMetrics(this.#nats.hub);
    if (this.#pushDown !== undefined) yield* this.#pushDown.metrics();
    yield* gatewayMetrics({
      devices: this.#devices.running,
      readToNats: this.#publisher.readToNats,
      diskSync: this.#store.syncTook,
      link: this.#nats.link.counters,
      broker: this.#broker.counters,
      durable: this.#durable.counters,
      writes: this.#commands.counters,
      writeReasons: this.#commands.reasons,
      writeHeartbeats: this.#commands.heartbeats,
      audit: this.#audit.counters,
      reloads: this.#reloads,
      natsRestarts: this.natsServer?.restarts ?? 0,
      tags: this.#last.size,
    });
  }

  /** Why messages wait although nats-server is there. */
  get #problem(): string | undefined {
    return this.#nats.link.state === "connected" ? this.#outbox.problem : undefined;
  }

  async #apply(site: Site): Promise<Applied> {
    const diff = diffSites(this.#site, site);
    // gateway.yaml takes effect at the next start: until then its edits are told at each reload.
    this.#site = { ...site, gateway: this.#site.gateway };
    this.#durable.use(site.devices);
    await this.#devices.apply(site.devices, diff);
    await this.#services.apply(site);
    this.#reloads.applied += 1;
    const { added, changed, removed, restartKeys } = diff;
    return { restarted: changed, added, removed, needRestart: restartKeys };
  }
}

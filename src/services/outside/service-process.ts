import { randomUUID } from "node:crypto";
import { join, resolve } from "node:path";
import type { Clock } from "../../adapter-kit/clock.ts";
import type { Log } from "../../adapter-kit/log.ts";
import type { ListenAddress } from "../../domain/listen-address.ts";
import type { Site } from "../../config/site.ts";
import { diffSites } from "../../config/site-diff.ts";
import type { Applied } from "../../gateway/gateway-types.ts";
import type { LinkTarget } from "../../nats/dial.ts";
import { foreignStoreBytes } from "../../nats/durable-stream.ts";
import { NatsLink } from "../../nats/link.ts";
import { OutboxPublisher } from "../../nats/outbox-publisher.ts";
import { StateBucket } from "../../nats/state-bucket.ts";
import type { Metric } from "../../observability/exposition.ts";
import { partMetrics } from "../../observability/gateway-metrics.ts";
import type { Health } from "../../observability/health.ts";
import { HttpEndpoint } from "../../observability/http-endpoint.ts";
import { processMetrics } from "../../observability/process-metrics.ts";
import { Authenticator } from "../../security/authenticator.ts";
import { siteFiles } from "../../security/site-files.ts";
import { SqliteStateStore } from "../../store/sqlite-state-store.ts";
import { ownAlerts } from "../alerting/own-alerts.ts";
import { storeHealth } from "../live/offline-teller.ts";
import { bucketOptions, type SiteService } from "../site-service.ts";
import { bridgeSubjects, type OutsideService } from "./bridge-subjects.ts";
import { bucketOf, makeService, tagsOf } from "./made-service.ts";
import { GatewayMirror } from "./gateway-mirror.ts";
import { GatewayTeller } from "./gateway-teller.ts";
import { NatsCommands } from "./nats-commands.ts";
import { PatientLink } from "./patient-link.ts";
import { lockFolder } from "./service-lock.ts";

export interface ServiceProcessDeps {
  readonly log: Log;
  readonly clock: Clock;
  /** In [0, 1): jitter. */
  readonly random: () => number;
  /** Where the secrets are looked up that webhooks name as env:NAME; absent: there are none. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** How to reach nats-server. */
  readonly target: LinkTarget;
  /** Where health and figures are served; absent: nowhere. */
  readonly http?: ListenAddress | undefined;
}

/**
 * One service of a site in a process of its own: the composition root of `linegate service`. Readings, states, writes,
 * MQTT and the audit go through the gateway over NATS; what the service remembers is in a folder of its own.
 */
export class ServiceProcess {
  readonly #deps: ServiceProcessDeps;
  readonly #name: OutsideService;
  readonly #dir: string;
  readonly #link: NatsLink;
  readonly #store: SqliteStateStore;
  readonly #outbox: OutboxPublisher;
  readonly #bucket: StateBucket;
  readonly #mirror: GatewayMirror;
  readonly #teller: GatewayTeller;
  readonly #service: SiteService;
  readonly #http: HttpEndpoint | undefined;
  readonly #startedAt: number;
  #site: Site;
  #isRunning = false;
  #unlock: (() => void) | undefined;

  constructor(site: Site, name: OutsideService, deps: ServiceProcessDeps) {
    const { log, clock, random } = deps;
    const { gateway, site: place, nats, writes, outbox } = site.gateway;
    this.#site = site;
    this.#name = name;
    this.#deps = deps;
    this.#dir = join(resolve(site.dir, nats.embedded.store), `service-${name}`);
    this.#store = new SqliteStateStore({
      dir: this.#dir,
      gateway,
      outbox,
      newToken: randomUUID,
      clock,
      log,
    });
    const link = new NatsLink({ gateway: `${gateway}-${name}`, log, clock, random });
    this.#link = link;
    this.#outbox = new OutboxPublisher({
      streams: ["EVENTS"],
      store: this.#store,
      link,
      storeBytes: () => (nats.url === undefined ? nats.embedded.maxBytes : foreignStoreBytes),
      // Only the gateway knows what its server does, and its disk.
      syncsAtAck: () => false,
      isTight: () => false,
      clock,
      log,
    });
    const subjects = bridgeSubjects(gateway, name);
    this.#mirror = new GatewayMirror({
      site: place,
      service: name,
      states: subjects.states,
      link,
      clock,
      log,
      onFound: () => this.#run(),
      onAnswer: (anew) => this.#teller.answers(anew),
    });
    this.#teller = new GatewayTeller({ subjects, link, store: this.#store, clock, log });
    const patient = new PatientLink(link, log);
    this.#bucket = new StateBucket(bucketOptions(bucketOf[name], { site: place, link, clock, log }));
    const { readings, devices } = this.#mirror;
    const files = siteFiles({ siteDir: site.dir, environment: deps.environment ?? {}, folder: this.#dir });
    this.#service = makeService(name, {
      gateway,
      site: place,
      readings$: readings.readings$,
      deviceStates$: devices.changes$,
      isOnline: (device) => devices.isOnline(device),
      // What is not followed yet comes out of LATEST as soon as it is.
      lastReadings: () => undefined,
      store: this.#store,
      commands: new NatsCommands({
        subject: subjects.write,
        deadline: writes.deadline,
        link,
        clock,
        onAway: () => this.#mirror.doubt(),
      }),
      broker: this.#teller,
      link: patient,
      audit: this.#teller,
      bucket: this.#bucket,
      own: ownAlerts(site.gateway),
      secret: (text) => files.secret(text),
      log,
      clock,
      random,
    });
    this.#startedAt = clock.monotonic();
    this.#http = deps.http && this.#endpoint(deps.http);
  }

  /** Where health and figures are served once it is started. */
  get http(): ListenAddress | undefined {
    return this.#http?.address;
  }

  health(): Health {
    const { state, lastError } = this.#link;
    const isConnected = state === "connected";
    const isFound = this.#mirror.isFound;
    return {
      ok: isConnected && isFound,
      gateway: this.#site.gateway.gateway,
      upSeconds: Math.round((this.#deps.clock.monotonic() - this.#startedAt) / 1000),
      parts: {
        nats: isConnected ? { ok: true } : { ok: false, detail: lastError ?? `the link is ${state}` },
        gateway: isFound ? { ok: true } : { ok: false, detail: "it does not answer" },
        store: storeHealth(this.#store.condition),
      },
      devices: this.#mirror.devices.states,
    };
  }

  *metrics(): Iterable<Metric> {
    yield* this.#service.metrics();
    yield* this.#teller.metrics();
    yield* this.#outbox.metrics();
    yield* partMetrics("nats", this.#link.counters);
    yield* processMetrics("the service's process");
  }

  #endpoint(listen: ListenAddress): HttpEndpoint {
    const { log, clock } = this.#deps;
    const authenticator = new Authenticator(this.#site.gateway.users, { log, clock });
    return new HttpEndpoint({
      listen,
      listenKey: "--http",
      health: () => this.health(),
      metrics: () => this.metrics(),
      authorise: (user, password, address) => authenticator.mayLook(user, password, address),
    });
  }

  /** Takes the service's folder, then waits for the gateway. Rejects with CONFIG_INVALID where the folder or the HTTP address is taken. */
  async start(): Promise<void> {
    this.#unlock = lockFolder(this.#dir);
    await this.#http?.start();
    this.#store.open();
    this.#teller.start();
    this.#outbox.start();
    this.#mirror.start();
    this.#link.start(() => this.#deps.target);
  }

  /** Takes edited files over. */
  async apply(site: Site): Promise<Applied> {
    const { restartKeys } = diffSites(this.#site, site);
    this.#site = { ...site, gateway: this.#site.gateway };
    if (this.#isRunning) {
      await this.#service.apply(site);
      this.#mirror.follow(tagsOf[this.#name](site));
    }
    return { restarted: [], added: [], removed: [], needRestart: restartKeys };
  }

  /** Idempotent: what was decided is still stored and told. */
  async stop(): Promise<void> {
    await this.#mirror.stop();
    await this.#service.stop();
    await this.#bucket.stop();
    await this.#teller.stop();
    await this.#outbox.stop();
    await this.#link.stop();
    this.#store.close();
    await this.#http?.stop();
    this.#unlock?.();
    this.#unlock = undefined;
  }

  /** The gateway is there: from now on the service decides. */
  #run(): void {
    const { log } = this.#deps;
    this.#isRunning = true;
    this.#service.start(this.#site);
    this.#mirror.follow(tagsOf[this.#name](this.#site));
    this.#bucket.start();
    log.info(
      {
        service: this.#name,
        gateway: this.#site.gateway.gateway,
        nats: this.#deps.target.url,
        pid: process.pid,
      },
      "running",
    );
  }
}

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { onTestFinished } from "vitest";
import { findServer } from "../../src/nats/find-server.ts";
import { inspectServer } from "../../src/nats/server-program.ts";
import { isRunning, natsServerOf } from "../../src/nats/processes-testing.ts";
import { spawnGateway, type GatewayProcess } from "../fixture/gateway-process.ts";
import { freePort } from "../../src/adapter-kit/free-port.ts";
import { HubServer } from "../fixture/hub.ts";
import { SiteFolder } from "../fixture/site-folder.ts";
import type { Fault, FaultKind } from "./plan.ts";
import { noPowerCutHere, PowerCut } from "./power-cut.ts";
import type { Way } from "./settings.ts";
import { ends, site } from "./site.ts";
import { SmallDisk } from "./tmpfs.ts";

const clock = join(import.meta.dirname, "stepped-clock.mjs");
const stepMs = 7_200_000;
const patienceMs = 60_000;
/** After the disk has room again: the store tries every 5 s. */
const storedAgainMs = 6_000;

/** A gateway with its nats-server, a hub, and the line between them: all that chaos can happen to. */
export class World {
  readonly ports: { readonly mqtt: number; readonly nats: number };
  readonly hubs: readonly HubServer[];
  readonly way: Way;
  readonly #hubFile: string;
  readonly #dir: string;
  readonly #clockFile: string;
  readonly #disk: SmallDisk | undefined;
  readonly #powerCut: PowerCut | undefined;
  #gateway: GatewayProcess | undefined;
  /** Until then (`performance.now()`) what is heard of the gateway is perhaps not stored: the disk refuses. */
  #diskRefusesUntil = 0;
  /** Whoever kills or starts the gateway waits for whoever does. */
  #turn: Promise<void> = Promise.resolve();

  private constructor(ports: World["ports"], hubs: readonly HubServer[], way: Way, serverSyncs: boolean) {
    this.ports = ports;
    this.hubs = hubs;
    this.way = way;
    this.#hubFile = hubs.length === 1 ? "hub.conf" : "hub-1.conf";
    this.#dir = new SiteFolder(site(ports, ends[way], hubs)).dir;
    const data = join(this.#dir, "data");
    const scratch = join(this.#dir, "..", `${this.#dir.split("/").at(-1)}-scratch`);
    mkdirSync(scratch, { recursive: true });
    onTestFinished(() => rmSync(scratch, { recursive: true, force: true }));
    this.#clockFile = join(scratch, "clock");
    writeFileSync(this.#clockFile, "0");
    this.#disk = SmallDisk.mount(data);
    onTestFinished(() => this.#disk?.unmount());
    this.#powerCut = noPowerCutHere() === undefined ? new PowerCut(data, scratch, serverSyncs) : undefined;
  }

  static async begin(nodes: 1 | 3, way: Way): Promise<World> {
    const names = ["hub-1", "hub-2", "hub-3"].slice(0, nodes);
    const hubs = await Promise.all(names.map((name) => HubServer.prepare(name)));
    const { version } = await inspectServer(await findServer(undefined, process.env["PATH"] ?? ""));
    const world = new World(
      { mqtt: await freePort(), nats: await freePort() },
      hubs,
      way,
      version.features.syncInterval,
    );
    await Promise.all(hubs.map((hub) => hub.start(world.#hubFile, hubs)));
    await world.#start();
    return world;
  }

  /** What `linegate hub apply` gets. */
  get fleet(): string {
    const { line } = ends[this.way];
    const gateways = {
      leaf: `gateways: [${line}-gw]`,
      forwarder: `gateways: []\nforwarders: [{ gateway: ${line}-gw, site: plant1/stamping/${line} }]`,
    }[this.way];
    return `${gateways}\nreplicas: ${this.hubs.length}\n`;
  }

  /** The site's data folder. */
  get data(): string {
    return join(this.#dir, "data");
  }

  /** Whether what the gateway says is on its disk. */
  get isStored(): boolean {
    return performance.now() > this.#diskRefusesUntil;
  }

  /** What the gateway logged since its last start, what comes again and again left out. */
  get log(): readonly string[] {
    const lines = (this.#gateway?.log ?? []).map((entry) => JSON.stringify({ ...entry, time: undefined }));
    return [...new Set(lines)].slice(0, 60);
  }

  /** What can't happen here, with the reason. */
  get leftOut(): ReadonlyMap<FaultKind, string> {
    const noPowerCut = noPowerCutHere();
    return new Map([
      ...(this.#disk === undefined ? [["disk full", "this user may not mount a tmpfs"] as const] : []),
      ...(noPowerCut === undefined ? [] : [["power cut", noPowerCut] as const]),
    ]);
  }

  /** Resolves when the fault is over. */
  async suffer({ kind, lasts, which }: Fault): Promise<void> {
    const hub = this.hubs[Math.floor(which * this.hubs.length)];
    switch (kind) {
      case "gateway killed":
        return this.#exclusively(() => this.#restart(lasts));
      case "power cut":
        return this.#exclusively(() => this.#restart(lasts, this.#powerCut));
      case "gateway stopped":
        return this.#stopped(() => this.#gateway?.pid, lasts);
      case "nats-server stopped":
        return this.#stopped(() => this.#natsPid, lasts);
      case "nats-server killed":
        return signal(this.#natsPid, "SIGKILL");
      case "hub node stopped":
        return this.#stopped(() => hub?.pid, lasts);
      case "hub node killed":
        await hub?.kill();
        await delay(lasts);
        return hub?.start(this.#hubFile, this.hubs);
      case "link cut":
        return this.#line(lasts, (line) => line.cut());
      case "link swallows":
        return this.#line(lasts, (line) => line.swallow());
      case "link slow":
        return this.#line(lasts, (line) => line.slow());
      case "disk full":
        this.#diskRefusesUntil = Infinity;
        this.#disk?.fill();
        await delay(lasts);
        this.#diskRefusesUntil = performance.now() + storedAgainMs;
        return this.#disk?.empty();
      case "clock steps":
        writeFileSync(this.#clockFile, String(which < 0.5 ? -stepMs : stepMs));
        await delay(lasts);
        return writeFileSync(this.#clockFile, "0");
    }
  }

  /** What a power cut from now on may leave of nats-server's files. */
  mark(): void {
    const pid = this.#natsPid;
    signal(pid, "SIGSTOP");
    try {
      this.#powerCut?.mark();
    } finally {
      signal(pid, "SIGCONT");
    }
  }

  get #natsPid(): number | undefined {
    return this.#gateway === undefined ? undefined : natsServerOf(this.#gateway.pid);
  }

  async #line(lasts: number, harm: (line: HubServer["line"]) => void): Promise<void> {
    const lines = this.hubs.map(ends[this.way].through);
    for (const line of lines) harm(line);
    await delay(lasts);
    for (const line of lines) line.mend();
  }

  async #stopped(pid: () => number | undefined, lasts: number): Promise<void> {
    const stopped = pid();
    signal(stopped, "SIGSTOP");
    await delay(lasts);
    signal(stopped, "SIGCONT");
  }

  #exclusively(work: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(work);
    return this.#turn;
  }

  async #restart(awayMs: number, powerCut?: PowerCut): Promise<void> {
    const gateway = this.#gateway;
    const nats = this.#natsPid;
    gateway?.kill("SIGKILL");
    await gateway?.ended;
    if (powerCut !== undefined) {
      signal(nats, "SIGKILL");
      await gone(nats);
      powerCut.restore();
    }
    await delay(awayMs);
    await this.#start();
  }

  /** A full disk may keep it from starting: tried until it runs. */
  async #start(): Promise<void> {
    const environment = {
      ...this.#powerCut?.environment,
      NODE_OPTIONS: `--import ${clock}`,
      CLOCK_STEP_FILE: this.#clockFile,
    };
    const until = performance.now() + patienceMs;
    for (;;) {
      try {
        this.#gateway = await spawnGateway(this.#dir, environment);
        return;
      } catch (caught) {
        if (performance.now() > until) throw caught;
        await delay(500);
      }
    }
  }
}

async function gone(pid: number | undefined): Promise<void> {
  if (!isRunning(pid)) return;
  await delay(5);
  return gone(pid);
}

function signal(pid: number | undefined, name: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(pid, name);
  } catch {
    // It is gone already.
  }
}

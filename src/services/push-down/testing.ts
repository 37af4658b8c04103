import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../adapter-kit/clock.ts";
import { loadSite } from "../../config/load-site.ts";
import { siteFolder, testRegistry } from "../../config/test-site.ts";
import { GatewayError } from "../../domain/errors.ts";
import type { Bundle } from "../../hub/push/bundle.ts";
import { readFolder, readSingle } from "../../hub/push/bundle.ts";
import { putBundle, putRollBack, type Putting } from "../../hub/push/put-order.ts";
import type { PushStore } from "../../hub/push/push-store.ts";
import { keptLog, never } from "../../nats/testing.ts";
import type { Reloaded } from "../../site-reload.ts";
import type { HubWire } from "../../nats/hub-wire.ts";
import type { OrderOutcome } from "./journal.ts";
import { resultSubject } from "./order.ts";
import { PushDown, type PushDownOptions } from "./push-down.ts";
import { nodeDisk, type Disk } from "./disk.ts";
import { changedFolder } from "./recover-change.ts";

/** For tests: the hub's stream in memory, and a wire to it that can be cut. */
export class FakeHub implements PushStore, HubWire {
  readonly api = "$JS.hub.API";
  readonly #messages = new Map<string, { data: Uint8Array; seq: number }>();
  /** As they were before they were put last. */
  readonly #before = new Map<string, Uint8Array | undefined>();
  readonly #handlers = new Map<string, (payload: Uint8Array) => void>();
  #seq = 0;
  isAway = false;
  /** How many of the gateway's next looks a server answers whose copy is behind. */
  behind = 0;

  async get(subject: string) {
    return this.#messages.get(subject);
  }

  async put(subject: string, payload: Uint8Array | string, after?: number): Promise<boolean> {
    if (after !== undefined && (this.#messages.get(subject)?.seq ?? 0) !== after) return false;
    this.#seq += 1;
    this.#before.set(subject, this.#messages.get(subject)?.data);
    this.#messages.set(subject, { data: Buffer.from(payload), seq: this.#seq });
    if (!this.isAway) this.#handlers.get(subject)?.(Buffer.from(payload));
    return true;
  }

  async subjects(filter: string): Promise<readonly string[]> {
    const pattern = new RegExp(`^${filter.replaceAll(".", "\\.").replace("*", "[^.]+").replace(">", ".+")}$`);
    return [...this.#messages.keys()].filter((subject) => pattern.test(subject));
  }

  async remove(filter: string): Promise<void> {
    for (const subject of await this.subjects(filter)) this.#messages.delete(subject);
  }

  async ask(subject: string, payload: Uint8Array | string): Promise<Uint8Array | undefined> {
    if (this.isAway) throw new GatewayError("UPLINK_UNAVAILABLE", "The hub is away");
    const wanted = /^\$JS\.hub\.API\.DIRECT\.GET\.PUSH\.(.*)$/.exec(subject)?.[1];
    if (wanted !== undefined && this.behind > 0) {
      this.behind -= 1;
      return this.#before.get(wanted);
    }
    if (wanted !== undefined) return this.#messages.get(wanted)?.data;
    await this.put(subject, payload);
    return Buffer.from('{"stream":"PUSH"}');
  }

  subscribe(subject: string, handler: (payload: Uint8Array) => void): () => void {
    this.#handlers.set(subject, handler);
    return () => this.#handlers.delete(subject);
  }

  /** What the gateway answered last. */
  get answer(): readonly OrderOutcome[] {
    const found = this.#messages.get(resultSubject("line1-gw"));
    return found === undefined
      ? []
      : (JSON.parse(Buffer.from(found.data).toString("utf8")) as { orders: OrderOutcome[] }).orders;
  }
}

export const deviceFile = (name: string, address = 1): string => `
device: ${name}
adapter: polled
connection: { host: ${name}.example }
poll: { normal: 1s }
tags: { pressure: { address: ${address}, poll: normal } }
`;

/** For tests: who puts. */
export const putting = (): Putting => ({ gateway: "line1-gw", id: randomUUID(), by: "anna", at: 1_000 });

/** For tests: puts these files, as a whole folder or, with `single`, the one of them. */
export async function push(hub: PushStore, files: Readonly<Record<string, string>>, withGateway = false) {
  const bundle = await readFolder(await siteFolder(files), withGateway);
  return putBundle(hub, bundle, putting());
}

export async function pushFile(hub: PushStore, path: string, text: string) {
  const dir = await siteFolder({ [path]: text });
  const bundle: Bundle = await readSingle(join(dir, path), path);
  return putBundle(hub, bundle, putting());
}

export const pushBack = (hub: PushStore) => putRollBack(hub, putting());

/** For tests: every file of a site folder by its path, but for what the push-down keeps for itself. */
export function filesIn(dir: string): Readonly<Record<string, string>> {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.includes("/.push/"));
  return Object.fromEntries(
    paths.sort().map((path) => [path.slice(dir.length + 1), readFileSync(path, "utf8")]),
  );
}

export const loadTestSite = (dir: string) => loadSite(dir, { registry: testRegistry, env: {} });

/** For tests: the push-down on a folder, with a reload that checks and applies nothing. */
export function pushDown(dir: string, hub: HubWire, options: Partial<PushDownOptions> = {}) {
  const audited: object[] = [];
  const log = keptLog();
  const made = new PushDown({
    gateway: "line1-gw",
    folder: changedFolder(dir),
    limits: { accept: ["mappings", "files"], maxBytes: 1_000_000 },
    trialMs: 60_000,
    wire: hub,
    load: loadTestSite,
    change: async (work) => {
      await work();
      return reloaded(dir);
    },
    startAgain: undefined,
    audit: { record: async (kind, fields) => void audited.push({ kind, ...fields }) },
    clock: systemClock,
    log,
    onOutcome: () => {},
    ...options,
  });
  return { pushDown: made, audited, log, signal: never };
}

export async function reloaded(dir: string): Promise<Reloaded> {
  const loaded = await loadTestSite(dir);
  if (!loaded.ok) return loaded;
  return { ok: true, applied: { restarted: ["press-1"], added: [], removed: [], needRestart: [] } };
}

/** For tests: the real disk until the n-th step, from 1; then the power is gone, and nothing is heard of it any more. */
export function dyingDisk(diesAt: number): { readonly disk: Disk; readonly steps: () => number } {
  let steps = 0;
  const mortal =
    <Given extends readonly unknown[]>(step: (...given: Given) => Promise<void>) =>
    (...given: Given): Promise<void> => {
      steps += 1;
      return steps >= diesAt ? new Promise(() => {}) : step(...given);
    };
  const disk: Disk = {
    makeFolder: mortal((path) => nodeDisk.makeFolder(path)),
    write: mortal((path, bytes) => nodeDisk.write(path, bytes)),
    append: mortal((path, bytes) => nodeDisk.append(path, bytes)),
    cut: mortal((path, bytes) => nodeDisk.cut(path, bytes)),
    copy: mortal((from, to, mode) => nodeDisk.copy(from, to, mode)),
    rename: mortal((from, to) => nodeDisk.rename(from, to)),
    remove: mortal((path) => nodeDisk.remove(path)),
    syncFolder: mortal((path) => nodeDisk.syncFolder(path)),
  };
  return { disk, steps: () => steps };
}

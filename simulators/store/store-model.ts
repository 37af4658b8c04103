import type { Random } from "../line/random.ts";
import type { Model, SimulatedDevice } from "../site/simulated-device.ts";
import { delivery, stocktaking, transaction } from "./messages.ts";
import { articles, deliver, newStore, stepStore, stockOf, type Sale, type StoreState } from "./store.ts";

/** What the store says of a device, known by its tags. */
type Role = "tills" | "handhelds" | "shelves" | "entrance" | "sign";

const signatures: Readonly<Record<Role, string>> = {
  tills: "transaction",
  handhelds: "delivery",
  shelves: "shelf/1/stock",
  entrance: "visitors/now",
  sign: "showing",
};

const longestStep = 0.25;
/** Seconds from the stocktaking to the first customer. */
const openAfter = 2;
const tillNames = ["1", "2"];
/** A delivery of so many pieces comes where the store has fewer than this. */
const deliverBelow = 12;
const delivered = 96;

/** Drives the devices of a site that are a store's, known by their tags: customers come, buy and go. */
export class StoreModel implements Model {
  readonly #roles: ReadonlyMap<string, Role>;
  readonly #devices: readonly SimulatedDevice[];
  readonly #random: Random;
  /** Of this run, so that no identity comes again. */
  readonly #run: string;
  readonly #now: () => number;
  #store: StoreState = newStore;
  #sold: Sale[] = [];
  #goods: object[] = [];
  /** Seconds since the stocktaking was told; undefined before it. */
  #sinceCount: number | undefined;
  #number = 0;

  /** @param now Unix ms */
  constructor(devices: readonly SimulatedDevice[], random: Random, now: () => number) {
    this.#random = random;
    this.#now = now;
    this.#run = now().toString(36);
    const roles = devices.flatMap((device) => {
      const role = roleOf(device);
      return role === undefined ? [] : [[device.mapping.device, role] as const];
    });
    // One device that looks like it makes no store.
    this.#roles = new Map(roles.length < 2 ? [] : roles);
    this.#devices = devices.filter(({ mapping }) => this.#roles.has(mapping.device));
    const isCounted = [...this.#roles.values()].includes("handhelds");
    if (!isCounted) this.#sinceCount = openAfter;
    for (const device of this.#devices) this.#begin(device);
    this.#show();
  }

  get store(): StoreState {
    return this.#store;
  }

  /** The names of its devices; none where the site is no store. */
  get devices(): readonly string[] {
    return this.#devices.map(({ mapping }) => mapping.device);
  }

  owns(device: string): boolean {
    return this.#roles.has(device);
  }

  step(seconds: number): void {
    if (this.#devices.length === 0 || this.#sinceCount === undefined) return;
    this.#sinceCount += seconds;
    if (this.#sinceCount < openAfter) return;
    for (let left = seconds; left > 0; left -= longestStep) {
      const { state, sales } = stepStore(this.#store, Math.min(left, longestStep), this.#random);
      this.#store = state;
      this.#sold.push(...sales);
    }
    this.#order();
    this.#show();
  }

  /** What was sold and no till has told yet; told from now on. */
  takeSales(): readonly Sale[] {
    return this.#sold.splice(0);
  }

  #begin(device: SimulatedDevice): void {
    const role = this.#roles.get(device.mapping.device);
    if (role === "sign") device.set("showing", "welcome");
    if (role === "tills") {
      for (const name of tillNames) device.set(`till/${name}/state`, "open");
      device.frame?.((_, topic) => (topic.endsWith("/transaction") ? this.#nextSale() : undefined));
    }
    if (role === "handhelds")
      device.frame?.((_, topic) => (topic.endsWith("/count") ? this.#stocktaking() : this.#goods.shift()));
  }

  #nextSale(): object | undefined {
    const items = this.#sold.shift();
    if (items === undefined) return undefined;
    this.#number += 1;
    const till = tillNames[this.#number % tillNames.length] ?? "1";
    return transaction(till, `${this.#run}-${this.#number}`, items, this.#now());
  }

  /** Once: the store opens when it is counted. */
  #stocktaking(): object | undefined {
    if (this.#sinceCount !== undefined) return undefined;
    this.#sinceCount = 0;
    return stocktaking(`C-${this.#run}`, newStore, this.#now());
  }

  #order(): void {
    for (const { sku } of articles) {
      if (stockOf(this.#store, sku) >= deliverBelow) continue;
      this.#store = deliver(this.#store, sku, delivered);
      this.#number += 1;
      this.#goods.push(delivery(`D-${this.#run}-${this.#number}`, sku, delivered, this.#now()));
    }
  }

  #show(): void {
    const { shelves, customers, cameIn, wentOut } = this.#store;
    for (const device of this.#devices) {
      for (const { sku, shelf } of articles) {
        device.set(`shelf/${shelf}/stock`, shelves[sku] ?? 0);
        device.set(`shelf/${shelf}/article`, sku);
      }
      device.set("visitors/in", cameIn);
      device.set("visitors/out", wentOut);
      device.set("visitors/now", customers.length);
    }
  }
}

function roleOf({ tags }: SimulatedDevice): Role | undefined {
  const names = new Set(tags.map(({ name }) => name));
  return (Object.keys(signatures) as Role[]).find((role) => names.has(signatures[role]));
}

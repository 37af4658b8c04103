import { systemClock } from "../../src/adapter-kit/clock.ts";
import type { Site } from "../../src/config/site.ts";
import { GatewayError } from "../../src/domain/errors.ts";
import {
  simulateSite,
  type DialInOptions,
  type SimulateOptions,
  type SiteSimulation,
} from "../site/simulate-site.ts";
import { Till } from "./till.ts";

export interface StoreSimulatorOptions extends SimulateOptions, DialInOptions {}

/** ms between two looks at what was sold. */
const sellEveryMs = 100;

/**
 * The store on the wire: shelves, camera, sign and handhelds as the site's mapping has them, and in place of its device
 * `pos` two tills with journals, each with a connection of its own and the faults that a till knows.
 */
export class StoreSimulator {
  readonly tills: readonly [Till, Till];
  readonly #site: Site;
  readonly #options: StoreSimulatorOptions;
  #simulation: SiteSimulation | undefined;
  #selling: NodeJS.Timeout | undefined;
  #sold = 0;

  constructor(site: Site, options: StoreSimulatorOptions) {
    this.#site = site;
    this.#options = options;
    const { clock = systemClock } = options;
    this.tills = [new Till({ ...options, clock, name: "1" }), new Till({ ...options, clock, name: "2" })];
  }

  /** Rejects where no device of the site is one of a store. */
  async start(): Promise<void> {
    const { devices } = this.#site;
    const others = devices.filter(({ tags }) => !tags.some(({ name }) => name === "transaction"));
    const simulation = await simulateSite({ ...this.#site, devices: others }, this.#options);
    this.#simulation = simulation;
    if (simulation.store.devices.length === 0) {
      await this.stop();
      throw new GatewayError(
        "CONFIG_INVALID",
        "No device of this site has the tags of a shelf, a camera or a handheld. `linegate simulate` takes any site.",
      );
    }
    simulation.dialIn(this.#options);
    for (const till of this.tills) till.start();
    this.#selling = setInterval(() => this.#sell(simulation), sellEveryMs);
  }

  get simulation(): SiteSimulation {
    if (this.#simulation !== undefined) return this.#simulation;
    throw new GatewayError("INTERNAL", "the store simulator is not started");
  }

  /** Idempotent; leaves no timer and no socket. */
  async stop(): Promise<void> {
    clearInterval(this.#selling);
    await Promise.all(this.tills.map((till) => till.stop()));
    await this.#simulation?.stop();
    this.#simulation = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #sell({ store }: SiteSimulation): void {
    for (const sale of store.takeSales()) {
      this.#sold += 1;
      this.tills[this.#sold % 2 === 0 ? 0 : 1].sell(sale);
    }
  }
}

import type { Site } from "../../src/config/site.ts";
import { GatewayError } from "../../src/domain/errors.ts";
import {
  simulateSite,
  type DialInOptions,
  type SimulateOptions,
  type SiteSimulation,
} from "../site/simulate-site.ts";
import type { LineModel } from "./line-model.ts";
import type { StationKind } from "./stations.ts";

export interface LineSimulatorOptions extends SimulateOptions, DialInOptions {}

/**
 * The line on the wire: press, welder and meters as Modbus TCP servers, the AGV as an MQTT client, with the faults that
 * a line knows. The site's mapping says which registers and topics; a station is known by its tags.
 */
export class LineSimulator {
  readonly #site: Site;
  readonly #options: LineSimulatorOptions;
  #simulation: SiteSimulation | undefined;

  constructor(site: Site, options: LineSimulatorOptions) {
    this.#site = site;
    this.#options = options;
  }

  /** Rejects where a port is taken, or where no device of the site is a station of the line. */
  async start(): Promise<void> {
    const simulation = await simulateSite(this.#site, this.#options);
    if (simulation.line.stations.length === 0) {
      await simulation.stop();
      throw new GatewayError(
        "CONFIG_INVALID",
        "No device of this site has the tags of a press, a welder, an AGV or a meter. `linegate simulate` takes any site.",
      );
    }
    simulation.dialIn(this.#options);
    this.#simulation = simulation;
  }

  get simulation(): SiteSimulation {
    if (this.#simulation !== undefined) return this.#simulation;
    throw new GatewayError("INTERNAL", "the line simulator is not started");
  }

  get line(): LineModel {
    return this.simulation.line;
  }

  /** The press's PLC takes requests and answers none; returns the way to thaw it. */
  freezePress(): () => void {
    const server = this.simulation.server(this.#nameOf("press"));
    server.freeze();
    return () => server.clearFaults();
  }

  /** The press's relief valve sticks: above 200 bar, until the press is slowed or the valve comes free by itself. */
  raisePressure(): void {
    this.line.stickRelief();
  }

  /** The welder's controller is switched off and on: its connections break. */
  async restartWelder(): Promise<void> {
    await this.simulation.server(this.#nameOf("welder")).restart();
  }

  /** The AGV drives through a place without radio: its last will comes, and it is back after `forMs`. */
  loseRadio(forMs: number): void {
    this.simulation.radio(this.#nameOf("agv")).loseRadio(forMs);
  }

  /** Idempotent; leaves no timer and no socket. */
  async stop(): Promise<void> {
    await this.#simulation?.stop();
    this.#simulation = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #nameOf(kind: StationKind): string {
    const station = this.line.stations.find((one) => one.kind === kind);
    if (station !== undefined) return station.device.mapping.device;
    throw new GatewayError("CONFIG_INVALID", `This site has no ${kind}.`);
  }
}

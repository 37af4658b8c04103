import type { AdapterContext } from "../adapter-kit/adapter.ts";
import { systemClock } from "../adapter-kit/clock.ts";
import type { Log } from "../adapter-kit/log.ts";
import { GatewayError } from "../domain/errors.ts";
import type { Reading } from "../domain/reading.ts";
import { DeviceFleet } from "../supervisor/device-fleet.ts";
import type { DeviceState } from "../supervisor/device-state.ts";
import type { Target } from "./device-target.ts";
import { RemoteBroker } from "./remote-broker.ts";
import { filesFor, withoutStore } from "./surroundings.ts";

export interface StandaloneOptions {
  /** Stands in every topic. */
  readonly site: string;
  readonly log: Log;
  onReading(reading: Reading): void;
  onState(device: string, state: DeviceState): void;
  onFrame(device: string, ...frame: Parameters<AdapterContext["trace"]>): void;
}

/** Devices polled and reconnected as a gateway would, with nothing behind them. */
export class StandaloneFleet implements AsyncDisposable {
  readonly #fleet: DeviceFleet;
  readonly #broker: RemoteBroker | undefined;

  private constructor(fleet: DeviceFleet, broker: RemoteBroker | undefined) {
    this.#fleet = fleet;
    this.#broker = broker;
  }

  /** Returns once all are started; rejects only where the broker for devices that dial in is not there. */
  static async start(targets: readonly Target[], options: StandaloneOptions): Promise<StandaloneFleet> {
    const login = targets.find(({ broker }) => broker !== undefined)?.broker;
    const broker = login === undefined ? undefined : await RemoteBroker.connect(login);
    const modules = new Map(targets.map(({ module }) => [module.name, module]));
    const fleet = new DeviceFleet({
      ...withoutStore,
      files: filesFor(targets[0] ?? { dir: ".", gateway: undefined }),
      ...(broker === undefined ? {} : { broker }),
      site: options.site,
      clock: systemClock,
      log: options.log,
      random: Math.random,
      publish: (reading) => options.onReading(reading),
      onState: (device, state) => options.onState(device, state),
      onEvent: () => undefined,
      onFrame: (device, ...frame) => options.onFrame(device, ...frame),
      onFault: () => undefined,
      onGone: () => undefined,
      // Every adapter of a target is loaded already.
      load: async (name) =>
        modules.get(name) ?? Promise.reject(new GatewayError("INTERNAL", `There is no adapter ${name}.`)),
    });
    await fleet.start(targets.map(({ mapping }) => mapping));
    return new StandaloneFleet(fleet, broker);
  }

  /** Leaves no timer and no socket. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#fleet.stop();
    await this.#broker?.close();
  }
}

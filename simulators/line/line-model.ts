import type { TagValue } from "../../src/domain/reading.ts";
import type { Model, SimulatedDevice } from "../site/simulated-device.ts";
import type { MqttConnection } from "../../adapters/mqtt/mapping.ts";
import { agvMessage } from "./agv-message.ts";
import { newLine, stepLine, type LineState } from "./line.ts";
import type { Random } from "./random.ts";
import { Vda5050Vehicle } from "./vda5050-vehicle.ts";
import { commandedTags, inputFrom, stationOf, valuesOf, type StationKind } from "./stations.ts";

interface Station {
  readonly device: SimulatedDevice;
  readonly kind: StationKind;
  /** Counts the stations of this kind from 0. */
  readonly index: number;
}

/** The longest step of the model, in s: short against a phase of the press. */
const longestStep = 0.05;

/** Drives the devices of a site that are stations of the line, known by their tags. */
export class LineModel implements Model {
  readonly stations: readonly Station[];
  readonly #random: Random;
  readonly #owned: ReadonlyMap<string, ReadonlySet<string>>;
  /** What the line's AGV was told. */
  readonly #vehicle = new Vda5050Vehicle();
  #line: LineState = newLine;

  constructor(devices: readonly SimulatedDevice[], random: Random) {
    this.#random = random;
    this.stations = stationsOf(devices);
    this.#owned = new Map(
      this.stations.map(({ device, kind, index }) => [
        device.mapping.device,
        new Set([
          ...Object.keys(valuesOf(newLine, kind, index)),
          ...Object.keys(commandedTags),
          // A vehicle's messages carry all there is.
          ...(identityOf(device) === undefined ? [] : device.tags.map(({ name }) => name)),
        ]),
      ]),
    );
    for (const { device, kind } of this.stations) {
      for (const [tag, value] of Object.entries(commandedTags)) device.set(tag, value);
      if (kind === "agv") this.#speakVda5050(device);
    }
    this.#show();
  }

  get line(): LineState {
    return this.#line;
  }

  /** The press's relief valve sticks from now on: its pressure rises, until it is slowed or the valve comes free. */
  stickRelief(): void {
    this.#line = { ...this.#line, press: { ...this.#line.press, reliefStuck: true, sinceRelief: 0 } };
  }

  owns(device: string, tag: string): boolean {
    return this.#owned.get(device)?.has(tag) ?? false;
  }

  step(seconds: number): void {
    const { paused, goal } = this.#vehicle;
    const input = { ...inputFrom((tag) => this.#held(tag)), agvPaused: paused, agvGoal: goal };
    for (let left = seconds; left > 0; left -= longestStep) {
      this.#line = stepLine(this.#line, input, Math.min(left, longestStep), this.#random);
    }
    this.#vehicle.follow(this.#line.agv);
    this.#show();
  }

  #speakVda5050(device: SimulatedDevice): void {
    const identity = identityOf(device);
    device.frame?.((headerId, topic) => agvMessage(this.#line.agv, this.#vehicle, topic, headerId, identity));
    device.take?.((topic, message) => this.#vehicle.receive(topic, message));
  }

  #show(): void {
    for (const { device, kind, index } of this.stations) {
      for (const [tag, value] of Object.entries(valuesOf(this.#line, kind, index))) device.set(tag, value);
    }
  }

  #held(tag: string): TagValue | undefined {
    for (const { device } of this.stations) {
      const value = device.get(tag);
      if (value !== undefined) return value;
    }
    return undefined;
  }
}

/** Who a vehicle is that speaks VDA 5050. */
function identityOf({ mapping }: SimulatedDevice): MqttConnection["vda5050"] {
  return mapping.adapter === "mqtt" ? (mapping.connection as MqttConnection).vda5050 : undefined;
}

function stationsOf(devices: readonly SimulatedDevice[]): Station[] {
  const counts = new Map<StationKind, number>();
  return devices.flatMap((device) => {
    const kind = stationOf(device.tags.map(({ name }) => name));
    if (kind === undefined) return [];
    const index = counts.get(kind) ?? 0;
    counts.set(kind, index + 1);
    return [{ device, kind, index }];
  });
}

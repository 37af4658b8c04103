import type { TagValue } from "../../src/domain/reading.ts";
import type { Model, SimulatedDevice } from "../site/simulated-device.ts";
import { agvStateMessage } from "./agv-message.ts";
import { newLine, stepLine, type LineState } from "./line.ts";
import type { Random } from "./random.ts";
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
  #line: LineState = newLine;

  constructor(devices: readonly SimulatedDevice[], random: Random) {
    this.#random = random;
    this.stations = stationsOf(devices);
    this.#owned = new Map(
      this.stations.map(({ device, kind, index }) => [
        device.mapping.device,
        new Set([...Object.keys(valuesOf(newLine, kind, index)), ...Object.keys(commandedTags)]),
      ]),
    );
    for (const { device, kind } of this.stations) {
      for (const [tag, value] of Object.entries(commandedTags)) device.set(tag, value);
      if (kind === "agv") device.frame?.((headerId) => agvStateMessage(this.#line.agv, headerId));
    }
    this.#show();
  }

  get line(): LineState {
    return this.#line;
  }

  owns(device: string, tag: string): boolean {
    return this.#owned.get(device)?.has(tag) ?? false;
  }

  step(seconds: number): void {
    const input = inputFrom((tag) => this.#held(tag));
    for (let left = seconds; left > 0; left -= longestStep) {
      this.#line = stepLine(this.#line, input, Math.min(left, longestStep), this.#random);
    }
    this.#show();
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

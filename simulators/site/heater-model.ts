import type { LineModel } from "../line/line-model.ts";
import { noise, type Random } from "../line/random.ts";
import type { Model, SimulatedDevice } from "./simulated-device.ts";

/** One zone of a heated die under its temperature controller. */
export interface HeaterState {
  /** °C. */
  readonly temperature: number;
  /** Percent of the heating power. */
  readonly output: number;
}

/** The tags by which a device is known to be such a controller. */
const signature = ["temperature", "output", "setpoint"];
const owned = new Set([...signature, "alarm/overheated", "alarm/sensor"]);
const usualSetpoint = 180;
/** °C of the hall. */
const ambient = 24;
/** °C a second at full power, and lost a second for each °C above the hall. */
const heating = 2.4;
const cooling = 0.006;
/** Percent of the output for each °C that is missing. */
const gain = 8;
/** °C a second that a sheet takes with it while it is pressed. */
const taken = 0.7;
const overheatedBy = 12;

/** The zone after `seconds` more with so many °C asked for; a sheet in the press takes heat away. */
export function stepHeater(
  { temperature }: HeaterState,
  setpoint: number,
  pressing: boolean,
  seconds: number,
): HeaterState {
  const hold = ((setpoint - ambient) * cooling * 100) / heating;
  const output = Math.min(100, Math.max(0, hold + gain * (setpoint - temperature)));
  const gained = (heating * output) / 100 - cooling * (temperature - ambient) - (pressing ? taken : 0);
  return { temperature: temperature + gained * seconds, output };
}

interface Zone {
  readonly device: SimulatedDevice;
  state: HeaterState;
}

/** The longest step, in s: short against what the controller does in it. */
const longestStep = 0.5;

/** Drives the temperature controllers of a site: they follow their setpoints, and feel the line's press. */
export class HeaterModel implements Model {
  readonly #zones: readonly Zone[];
  readonly #line: LineModel;
  readonly #random: Random;

  constructor(devices: readonly SimulatedDevice[], line: LineModel, random: Random) {
    this.#line = line;
    this.#random = random;
    const has = (device: SimulatedDevice, tag: string) => device.tags.some(({ name }) => name === tag);
    this.#zones = devices
      .filter((device) => signature.every((tag) => has(device, tag)))
      .map((device, index) => ({ device, state: { temperature: 176 - 6 * index, output: 40 } }));
    for (const { device } of this.#zones) device.set("setpoint", usualSetpoint);
    this.step(0);
  }

  owns(device: string, tag: string): boolean {
    return owned.has(tag) && this.#zones.some((zone) => zone.device.mapping.device === device);
  }

  step(seconds: number): void {
    const pressing = this.#line.line.press.phase === "pressing";
    for (const zone of this.#zones) {
      const { device } = zone;
      const setpoint = Number(device.get("setpoint") ?? usualSetpoint);
      for (let left = seconds; left > 0; left -= longestStep) {
        zone.state = stepHeater(zone.state, setpoint, pressing, Math.min(left, longestStep));
      }
      const { temperature, output } = zone.state;
      device.set("temperature", temperature + noise(this.#random, 0.15));
      device.set("output", output);
      device.set("alarm/overheated", temperature > setpoint + overheatedBy);
      device.set("alarm/sensor", false);
    }
  }
}

import { follow, noise, type Random } from "./random.ts";

/** A three-phase energy meter. */
export interface MeterState {
  /** V between each phase and neutral. */
  readonly voltage: readonly [number, number, number];
  /** A of each phase. */
  readonly current: readonly [number, number, number];
  /** kW, all phases. */
  readonly power: number;
  readonly powerFactor: number;
  /** Hz. */
  readonly frequency: number;
  /** Wh since it was installed: uint64. */
  readonly energy: number;
}

export function newMeter(energy: number): MeterState {
  return {
    voltage: [230.4, 229.8, 231.1],
    current: [0, 0, 0],
    power: 0,
    powerFactor: 0.9,
    frequency: 50,
    energy,
  };
}

/** The meter after `seconds` more with a load of so many kW. */
export function stepMeter(meter: MeterState, load: number, seconds: number, random: Random): MeterState {
  const power = follow(meter.power, load, seconds, 0.5);
  // A motor without load draws mostly reactive current.
  const powerFactor = follow(meter.powerFactor, 0.62 + 0.32 * Math.min(1, power / 40), seconds, 3);
  const sag = power * 0.03;
  const phase = (index: 0 | 1 | 2, rest: number) =>
    follow(meter.voltage[index], rest - sag + noise(random, 1.5), seconds, 4);
  const voltage = [phase(0, 230.4), phase(1, 229.8), phase(2, 231.1)] as const;
  const amperes = (volts: number, share: number) => (power * 1_000 * share) / (volts * powerFactor);
  return {
    voltage,
    current: [amperes(voltage[0], 0.34), amperes(voltage[1], 0.33), amperes(voltage[2], 0.33)],
    power,
    powerFactor,
    frequency: follow(meter.frequency, 50 + noise(random, 0.08), seconds, 10),
    energy: meter.energy + (power * 1_000 * seconds) / 3_600,
  };
}

import type { TagMapping } from "../../src/adapter-kit/mapping.ts";
import type { TagValue } from "../../src/domain/reading.ts";
import type { Random } from "../line/random.ts";
import { noise } from "../line/random.ts";
import type { Model, SimulatedDevice, SimulatedTag } from "./simulated-device.ts";

/** A value as a function of the seconds since the start. */
export type Wander = (seconds: number) => TagValue;

/** Where a value with this unit usually stands. */
const usualRanges: Readonly<Record<string, readonly [number, number]>> = {
  "%": [10, 95],
  "°C": [20, 80],
  K: [290, 350],
  bar: [2, 180],
  mbar: [950, 1_050],
  Pa: [95_000, 105_000],
  kPa: [95, 600],
  rpm: [600, 1_400],
  "1/min": [600, 1_400],
  V: [225, 235],
  mV: [0, 1_000],
  A: [2, 38],
  mA: [4, 20],
  kA: [0, 10],
  W: [100, 3_000],
  kW: [2, 60],
  Hz: [49.95, 50.05],
  mm: [0, 320],
  m: [0, 45],
  "m/s": [0, 1.8],
  s: [1, 10],
  ms: [1, 500],
  "l/min": [5, 12],
  kg: [0, 60],
  kN: [0, 4],
  rad: [-3.1, 3.1],
  ppm: [400, 900],
};
const otherRange: readonly [number, number] = [0, 100];

const counting = /(^|[/_-])(total|count|counter|strokes|cycles|parts|pieces|odometer|energy|runtime|hours)$/;
const countingUnits = new Set(["kWh", "Wh", "MWh", "h", "pcs", "m³", "m3"]);
const seldom = /alarm|fault|error|warn|estop|emergency|jam|leak|low|high|hot|worn/;

/** What a tag's value may do, judged by its type, unit and name. A tag that may be written to stands still until it is. */
export function wanderOf({ name, mapping }: SimulatedTag, random: Random): Wander {
  const { value } = mapping;
  if (value.kind === "string") {
    const text = name.replaceAll("/", "-").slice(0, value.maxLength ?? 64);
    return () => text;
  }
  if (value.kind === "json") return () => [];
  if (value.kind === "boolean") return wanderingBool(name, mapping, random);
  const [low, high] = rangeOf(mapping);
  if (mapping.write !== undefined) {
    const rest = standing(low + (high - low) * 0.6, mapping);
    return () => rest;
  }
  const unit = mapping.unit ?? "";
  if (counting.test(name) || countingUnits.has(unit)) {
    const start = Math.floor(random() * Math.min(5_000, high));
    const rate = 0.2 + random() * 2;
    const room = Math.max(1, high - low);
    return (seconds) => low + ((start + Math.floor(seconds * rate)) % room);
  }
  const middle = (low + high) / 2;
  const swing = (high - low) * 0.4;
  const period = 20 + random() * 100;
  const phase = random() * 2 * Math.PI;
  return (seconds) =>
    middle + swing * Math.sin((2 * Math.PI * seconds) / period + phase) + noise(random, swing * 0.02);
}

function wanderingBool(name: string, mapping: TagMapping, random: Random): Wander {
  if (mapping.write !== undefined) return () => false;
  const period = 6 + random() * 34;
  const start = random() * period;
  const share = seldom.test(name) ? 0.03 : 0.3 + random() * 0.4;
  return (seconds) => (seconds + start) % period < period * share;
}

/** In the tag's unit: the limits of its write entry, else the usual range of its unit, within what the type can hold. */
function rangeOf(mapping: TagMapping): readonly [number, number] {
  const [holdsLow, holdsHigh] = holds(mapping);
  const counter = countingUnits.has(mapping.unit ?? "") || counting.test(mapping.name);
  const [usualLow, usualHigh] = counter ? [0, holdsHigh] : (usualRanges[mapping.unit ?? ""] ?? otherRange);
  const low = Math.max(holdsLow, mapping.write?.min ?? usualLow);
  const high = Math.min(holdsHigh, mapping.write?.max ?? usualHigh);
  return low < high ? [low, high] : [holdsLow, holdsHigh];
}

function holds({ value, scale, offset }: TagMapping): readonly [number, number] {
  if (value.kind !== "integer") return [-1e9, 1e9];
  const ends = [Number(value.min) * scale + offset, Number(value.max) * scale + offset];
  return [Math.min(...ends), Math.max(...ends)];
}

function standing(value: number, { value: spec, scale }: TagMapping): number {
  return spec.kind === "integer" && scale === 1 ? Math.round(value) : value;
}

/** Seconds between two steps of wandering values: they are slow, and a site may have thousands. */
const wanderEvery = 0.25;

/** Lets every tag wander that no other model owns; a tag with a write entry is set once, so that what is written sticks. */
export class WanderModel implements Model {
  readonly #moving: { readonly device: SimulatedDevice; readonly tag: string; readonly wander: Wander }[] =
    [];
  #elapsed = 0;
  #moved = 0;

  constructor(devices: readonly SimulatedDevice[], owned: Model["owns"], random: Random) {
    for (const device of devices) {
      for (const tag of device.tags) {
        if (owned(device.mapping.device, tag.name)) continue;
        const wander = wanderOf(tag, random);
        device.set(tag.name, wander(0));
        const still = tag.mapping.write !== undefined || tag.mapping.value.kind === "string";
        if (!still) this.#moving.push({ device, tag: tag.name, wander });
      }
    }
  }

  owns(): boolean {
    return true;
  }

  step(seconds: number): void {
    this.#elapsed += seconds;
    if (this.#elapsed - this.#moved < wanderEvery) return;
    this.#moved = this.#elapsed;
    for (const { device, tag, wander } of this.#moving) device.set(tag, wander(this.#elapsed));
  }
}

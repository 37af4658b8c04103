/** Numbers in [0, 1). */
export type Random = () => number;

/** A small seeded generator (mulberry32): the same seed gives the same line, on every machine. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d_2b_79_f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Noise around zero, rarely beyond ±`spread`: the sum of three uniform numbers. */
export function noise(random: Random, spread: number): number {
  return ((random() + random() + random()) / 1.5 - 1) * spread;
}

/** One step of a value that follows its target with a time constant, exact for any length of step. */
export function follow(value: number, target: number, seconds: number, timeConstant: number): number {
  return target + (value - target) * Math.exp(-seconds / timeConstant);
}

import type { VibrationRule } from "../../config/upload.ts";

/** Longer arrays take too long to transform beside the line's work. */
const mostSamples = 16_384;

/** What arrays of samples add up to, each taken about its own mean. Plain data. */
export interface Vibration {
  samples: number;
  peak: number;
  /** Sums of the squares and of the fourth powers. */
  squares: number;
  fourths: number;
  /** For each band the sum of mean squares, each times its array's samples. */
  readonly bands: number[];
}

export function emptyVibration(rule: VibrationRule): Vibration {
  return { samples: 0, peak: 0, squares: 0, fourths: 0, bands: rule.bands.map(() => 0) };
}

/** The samples of a reading; undefined where it is no array of 2 to 16,384 numbers. */
export function samplesOf(value: unknown): readonly number[] | undefined {
  if (!Array.isArray(value) || value.length < 2 || value.length > mostSamples) return undefined;
  return value.every((one) => typeof one === "number" && Number.isFinite(one)) ? value : undefined;
}

export function addSamples(sum: Vibration, samples: readonly number[], rule: VibrationRule): void {
  const mean = samples.reduce((total, sample) => total + sample, 0) / samples.length;
  const swing = Float64Array.from(samples, (sample) => sample - mean);
  for (const sample of swing) {
    const square = sample * sample;
    sum.squares += square;
    sum.fourths += square * square;
    sum.peak = Math.max(sum.peak, Math.abs(sample));
  }
  sum.samples += swing.length;
  if (rule.bands.length === 0) return;
  for (const [index, energy] of bandEnergies(swing, rule).entries())
    sum.bands[index] = (sum.bands[index] ?? 0) + energy * swing.length;
}

/** Null where there is nothing to say: no samples, or no swing at all. */
export function vibrationFigure(sum: Vibration, figure: string): number | null {
  if (sum.samples === 0) return null;
  const meanSquare = sum.squares / sum.samples;
  switch (figure) {
    case "rms":
      return Math.sqrt(meanSquare);
    case "peak":
      return sum.peak;
    case "crest":
      return meanSquare > 0 ? sum.peak / Math.sqrt(meanSquare) : null;
    case "kurtosis":
      return meanSquare > 0 ? sum.fourths / sum.samples / meanSquare ** 2 : null;
    default:
      return null;
  }
}

/** The mean square within a band, in the unit's square; null without samples. */
export function bandFigure(sum: Vibration, band: number): number | null {
  return sum.samples === 0 ? null : (sum.bands[band] ?? 0) / sum.samples;
}

/**
 * The mean square in each band: bands that together cover 0 to half the sample rate add up to the mean square of the
 * samples (Parseval). No window is laid over the samples; they are filled up with zeros to a power of two.
 */
export function bandEnergies(samples: Float64Array, { sampleRate, bands }: VibrationRule): number[] {
  const size = 2 ** Math.ceil(Math.log2(samples.length));
  const real = new Float64Array(size);
  real.set(samples);
  const imaginary = new Float64Array(size);
  transform(real, imaginary);
  const energies = bands.map(() => 0);
  for (let bin = 0; bin <= size / 2; bin += 1) {
    const frequency = (bin * sampleRate) / size;
    const band = bands.findIndex(
      ([from, to]) => frequency >= from && (frequency < to || (frequency === to && 2 * to === sampleRate)),
    );
    if (band < 0) continue;
    // All bins but the first and the middle one have a twin of negative frequency.
    const twins = bin === 0 || bin === size / 2 ? 1 : 2;
    const power = (real[bin] ?? 0) ** 2 + (imaginary[bin] ?? 0) ** 2;
    energies[band] = (energies[band] ?? 0) + (twins * power) / (size * samples.length);
  }
  return energies;
}

/** The discrete Fourier transform in place, radix 2 (Cooley and Tukey). */
function transform(real: Float64Array, imaginary: Float64Array): void {
  const size = real.length;
  for (let index = 1, mirror = 0; index < size; index += 1) {
    let bit = size >> 1;
    for (; (mirror & bit) !== 0; bit >>= 1) mirror ^= bit;
    mirror ^= bit;
    if (index < mirror) {
      swap(real, index, mirror);
      swap(imaginary, index, mirror);
    }
  }
  const cosines = Float64Array.from({ length: size / 2 }, (_, index) =>
    Math.cos((2 * Math.PI * index) / size),
  );
  const sines = Float64Array.from(
    { length: size / 2 },
    (_, index) => -Math.sin((2 * Math.PI * index) / size),
  );
  for (let half = 1; half < size; half *= 2) {
    const stride = size / (2 * half);
    for (let start = 0; start < size; start += 2 * half) {
      for (let index = 0; index < half; index += 1) {
        const cosine = cosines[index * stride] ?? 0;
        const sine = sines[index * stride] ?? 0;
        const even = start + index;
        const odd = even + half;
        const oddReal = (real[odd] ?? 0) * cosine - (imaginary[odd] ?? 0) * sine;
        const oddImaginary = (real[odd] ?? 0) * sine + (imaginary[odd] ?? 0) * cosine;
        real[odd] = (real[even] ?? 0) - oddReal;
        imaginary[odd] = (imaginary[even] ?? 0) - oddImaginary;
        real[even] = (real[even] ?? 0) + oddReal;
        imaginary[even] = (imaginary[even] ?? 0) + oddImaginary;
      }
    }
  }
}

function swap(values: Float64Array, one: number, other: number): void {
  const kept = values[one] ?? 0;
  values[one] = values[other] ?? 0;
  values[other] = kept;
}

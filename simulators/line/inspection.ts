import { noise, type Random } from "./random.ts";
import type { WelderState } from "./welder.ts";

/** What the camera behind the welder found on the last part. */
export interface InspectionState {
  readonly partId: string;
  /** In [0, 1]: how sure it is that the spots are right. */
  readonly score: number;
  readonly passed: boolean;
  readonly inspected: number;
  readonly rejected: number;
}

/** Parts below it are rejected. */
const passMark = 0.8;

export const newInspection: InspectionState = {
  partId: "",
  score: 1,
  passed: true,
  inspected: 0,
  rejected: 0,
};

/** The next part inspected. A worn electrode makes wider, paler spots, and now and then one that fails. */
export function inspect(inspection: InspectionState, welder: WelderState, random: Random): InspectionState {
  const scatter = noise(random, 0.03) - (random() < 0.03 ? 0.15 : 0);
  const score = Math.round(Math.min(1, Math.max(0, 0.97 - welder.wear * 0.0012 + scatter)) * 1_000) / 1_000;
  const passed = score >= passMark;
  return {
    partId: welder.partId,
    score,
    passed,
    inspected: inspection.inspected + 1,
    rejected: inspection.rejected + (passed ? 0 : 1),
  };
}

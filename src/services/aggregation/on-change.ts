import { isDeepStrictEqual } from "node:util";
import type { UploadRule } from "../../config/upload.ts";
import type { Quality, TagValue } from "../../domain/reading.ts";
import { decodeState, encodeState, readingRow, type Fold, type Observed } from "./fold.ts";

/** The row last given. Plain data. */
export interface ChangeState {
  last: {
    readonly time: number;
    readonly value: TagValue | null;
    readonly quality: Quality;
    readonly status: string | null;
  } | null;
}

/** Every reading is a row. */
export function rawFold(): Fold<null> {
  return {
    columns: ["value"],
    durable: false,
    begin: () => null,
    take: (_state, observed, _steady, output) => output.row(readingRow(observed)),
    advance: () => {},
    dueAt: () => Infinity,
    finish: () => {},
    encode: () => "null",
    resume: () => null,
  };
}

/** Readings that differ from the row before by more than the deadband, or in quality; `event`: by anything. */
export function changeFold(rule: Extract<UploadRule, { kind: "onChange" | "event" }>): Fold<ChangeState> {
  const deadband = rule.kind === "onChange" ? rule.deadband : 0;
  const atLeastEvery = (rule.kind === "onChange" ? rule.atLeastEvery : undefined) ?? Infinity;
  return {
    columns: ["value"],
    durable: true,
    begin: () => ({ last: null }),
    take: (state, observed, _steady, output) => {
      const { time, value, quality, status } = observed;
      const { last } = state;
      if (last !== null && time - last.time < atLeastEvery && !differs(last, observed, deadband)) return;
      state.last = { time, value, quality, status };
      output.row(readingRow(observed));
    },
    advance: () => {},
    dueAt: () => Infinity,
    finish: () => {},
    encode: encodeState,
    resume: (text) => decodeState(text) as ChangeState | undefined,
  };
}

function differs(last: NonNullable<ChangeState["last"]>, now: Observed, deadband: number): boolean {
  if (last.quality !== now.quality || last.status !== now.status) return true;
  const [before, after] = [last.value, now.value];
  if (typeof before === "bigint" && typeof after === "bigint") {
    // The difference of two wide integers is exact, whatever its size.
    const distance = after > before ? after - before : before - after;
    return Number(distance) > deadband;
  }
  if (typeof before === "number" && typeof after === "number") return Math.abs(after - before) > deadband;
  return !isDeepStrictEqual(before, after);
}

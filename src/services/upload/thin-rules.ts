import type { ActiveRule, WindowFigure } from "../../config/upload.ts";
import { ms, type Duration } from "../../domain/duration.ts";

const usualLateness = ms(2_000);
const ofNumbers: readonly WindowFigure[] = ["mean", "min", "max", "last", "count"];
/** Of texts, arrays and structures a window has no more. */
const ofOthers: readonly WindowFigure[] = ["last", "count"];

/**
 * The rule with windows of at least `every`; the rule itself where it tells at once, or is as coarse already. `isNumeric`
 * says whether the tag's values are numbers or booleans.
 */
export function thinRule(rule: ActiveRule, every: Duration, isNumeric: boolean): ActiveRule {
  switch (rule.kind) {
    case "event":
      return rule;
    case "window":
      return rule.every >= every ? rule : { ...rule, every };
    case "raw":
    case "onChange":
    case "swingingDoor":
      return {
        kind: "window",
        stream: rule.stream,
        every,
        values: isNumeric ? ofNumbers : ofOthers,
        lateness: rule.kind === "swingingDoor" ? rule.lateness : usualLateness,
      };
  }
}

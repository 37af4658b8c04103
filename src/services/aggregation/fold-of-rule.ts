import type { ActiveRule } from "../../config/upload.ts";
import type { Fold } from "./fold.ts";
import { changeFold, rawFold } from "./on-change.ts";
import { swingingDoorFold } from "./swinging-door.ts";
import { windowFold } from "./window-fold.ts";

/** What carries a rule out, with whatever state it has. */
export function foldOfRule(rule: ActiveRule): Fold<unknown> {
  switch (rule.kind) {
    case "raw":
      return rawFold();
    case "event":
    case "onChange":
      return changeFold(rule);
    case "swingingDoor":
      return swingingDoorFold(rule);
    case "window":
      return windowFold(rule);
  }
}

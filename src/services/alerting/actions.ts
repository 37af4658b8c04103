import type { AlertAction, AlertRule } from "../../config/alerts.ts";
import type { Log } from "../../adapter-kit/log.ts";
import type { CommandPort } from "../commands/command-port.ts";
import { fill } from "../fill.ts";
import type { ActionEnd } from "./action-end.ts";
import type { AlertLife, OpenAction } from "./alert-state.ts";
import { fillingOf, isStanding, type DescribedAlert } from "./describe.ts";
import type { Webhooks } from "./webhooks.ts";

export interface ActionOptions {
  readonly commands: CommandPort;
  readonly webhooks: Pick<Webhooks, "post">;
  /** A message of the mapping's own. Nothing here throws or waits. */
  readonly message: (to: "mqtt" | "nats", name: string, json: string) => void;
  readonly log: Log;
}

/** Failures after which the same write may succeed as soon as the device is back. */
const away = new Set(["DEVICE_UNREACHABLE", "DEVICE_TIMEOUT"]);

/** True where the alert is still what the action was called for. */
export function stillHolds({ on }: OpenAction, life: AlertLife): boolean {
  if (on === "raised") return isStanding(life);
  return on === "acknowledged" || !life.raised;
}

/** Does one action of an alert. Never rejects. */
export async function perform(
  options: ActionOptions,
  rule: AlertRule,
  open: OpenAction,
  life: AlertLife,
  described: () => DescribedAlert,
): Promise<ActionEnd> {
  const action: AlertAction | undefined = rule.actions[open.index];
  // An edited rule may have fewer.
  if (action === undefined) return { end: "done" };
  const filling = fillingOf(rule.name, life);
  switch (action.kind) {
    case "write": {
      const outcome = await options.commands.write({
        tag: action.tag,
        value: fill(action.value, filling) ?? "",
        by: "service:alerting",
        why: `${rule.name} ${open.on}`,
      });
      if (outcome.ok) return { end: "done" };
      const { code, message } = outcome;
      return away.has(code)
        ? { end: "waits", device: action.tag.split("/")[0] ?? "", message }
        : { end: "failed", message };
    }
    case "publish":
      options.message(action.to, action.name, JSON.stringify(fill(action.payload, filling)));
      return { end: "done" };
    case "webhook":
      return options.webhooks.post(action, { ...described(), on: open.on }, open);
  }
}

import type { Log } from "../../adapter-kit/log.ts";
import type { AlertAction } from "../../config/alerts.ts";
import type { CommandPort } from "../commands/command-port.ts";
import { fill } from "../fill.ts";
import type { ActionEnd } from "./action-end.ts";
import type { AlertLife, OpenAction } from "./alert-state.ts";
import { fillingOf, type DescribedAlert } from "./describe.ts";
import type { Webhooks } from "./webhooks.ts";

export interface ActionOptions {
  readonly commands: CommandPort;
  readonly webhooks: Pick<Webhooks, "post">;
  /** A message of the mapping's own. Nothing here throws or waits. */
  readonly message: (to: "mqtt" | "nats", name: string, json: string) => void;
  readonly log: Log;
}

/** One action of an alert, as it is to be done now. */
export interface Asked {
  readonly alert: string;
  readonly action: AlertAction;
  readonly open: OpenAction;
  readonly life: AlertLife;
  readonly describe: () => DescribedAlert;
  /** False as soon as nobody wants it any more. */
  readonly isWanted: () => boolean;
}

/** Failures after which the same write may succeed a little later. */
const passing = new Set(["DEVICE_UNREACHABLE", "DEVICE_TIMEOUT"]);

/** Does one action of an alert. Never rejects. */
export async function perform(options: ActionOptions, asked: Asked): Promise<ActionEnd> {
  const { alert, action, open, life } = asked;
  const filling = fillingOf(alert, life);
  switch (action.kind) {
    case "write": {
      const outcome = await options.commands.write({
        tag: action.tag,
        value: fill(action.value, filling) ?? "",
        by: "service:alerting",
        why: `${alert} ${open.on}`,
      });
      if (outcome.ok) return { end: "done" };
      const { code, reason, message } = outcome;
      return passing.has(code) || reason === "busy"
        ? { end: "waits", device: deviceOf(action.tag), message }
        : { end: "failed", message };
    }
    case "publish":
      options.message(action.to, action.name, JSON.stringify(fill(action.payload, filling)));
      return { end: "done" };
    case "webhook":
      return options.webhooks.post(action, { ...asked.describe(), on: open.on }, open, asked.isWanted);
  }
}

function deviceOf(tag: string): string {
  return tag.split("/")[0] ?? "";
}

import type { Clock } from "../../adapter-kit/clock.ts";
import type { Log } from "../../adapter-kit/log.ts";
import type { HubConfig } from "../../config/gateway-schema.ts";
import { loadSiteApart } from "../../config/load-site-apart.ts";
import type { AuditRecorder } from "../audit/audit-trail.ts";
import type { HubWire } from "../../nats/hub-wire.ts";
import type { OrderOutcome } from "./journal.ts";
import { PushDown, type PushDownOptions } from "./push-down.ts";
import { changedFolder } from "./recover-change.ts";

export interface PushDownPartOptions {
  readonly gateway: string;
  /** The site folder, absolute. */
  readonly dir: string;
  readonly hub: HubConfig | undefined;
  readonly changeFolder: PushDownOptions["change"] | undefined;
  readonly startAgain: PushDownOptions["startAgain"];
  /** To the hub; undefined where there is none. */
  readonly wire: HubWire | undefined;
  readonly audit: AuditRecorder;
  readonly clock: Clock;
  readonly log: Log;
  /** Takes how it stands with what the hub put, for `state/<site>/gateway`. */
  readonly tell: (state: object) => void;
}

/** What the hub puts for this gateway is taken; undefined where gateway.yaml accepts nothing of it. */
export function pushDownOf(options: PushDownPartOptions): PushDown | undefined {
  const { hub, wire, changeFolder, dir, tell } = options;
  const accept = (hub?.accept ?? []).filter((one) => one !== "commands");
  if (hub === undefined || wire === undefined || changeFolder === undefined || accept.length === 0)
    return undefined;
  return new PushDown({
    ...options,
    folder: changedFolder(dir),
    limits: { accept, maxBytes: hub.maxBytes },
    trialMs: hub.trial,
    wire,
    load: (folder, signal) => loadSiteApart(folder, { signal }),
    change: changeFolder,
    onOutcome: (outcomes) => tell(stateOf(outcomes)),
  });
}

/** The last order, as whoever stands at the gateway wants to know it. */
function stateOf(outcomes: readonly OrderOutcome[]): object {
  const { name, version, by, outcome, at, message } = outcomes.at(-1) ?? {};
  return { name, version, by, outcome, at, ...(message === undefined ? {} : { message }) };
}

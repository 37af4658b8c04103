import { isDeepStrictEqual } from "node:util";
import { diffAlerts, type AlertsDiff } from "./alerts-diff.ts";
import type { GatewayConfig } from "./gateway-schema.ts";
import type { Site } from "./site.ts";

/** What changed from one state of a site folder to the next. */
export interface SiteDiff {
  /** Names of devices, each list in the order of the later site (`removed`: of the earlier one). */
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Devices whose mapping, profile and defaults included, is not what it was. */
  readonly changed: readonly string[];
  /** Keys of gateway.yaml that changed, such as `broker.listen`: they take effect with the next start of the gateway. */
  readonly restartKeys: readonly string[];
  /** No device is restarted for these. */
  readonly alerts: AlertsDiff;
}

/** Compares two states of a site by what they mean, not by how they are written. */
export function diffSites(before: Site, after: Site): SiteDiff {
  const earlier = new Map(before.devices.map((device) => [device.device, device]));
  const later = new Map(after.devices.map((device) => [device.device, device]));
  return {
    added: [...later.keys()].filter((name) => !earlier.has(name)),
    removed: [...earlier.keys()].filter((name) => !later.has(name)),
    changed: [...later]
      .filter(([name, device]) => earlier.has(name) && !isDeepStrictEqual(earlier.get(name), device))
      .map(([name]) => name),
    restartKeys: changedKeys(before.gateway, after.gateway),
    alerts: diffAlerts(before.alerts, after.alerts),
  };
}

/** They take effect at once: resolved, they are a part of the site. */
const livingKeys: readonly string[] = ["upload"];

/** Two levels deep, as an operator names them: `nats.url`, `site`. */
function changedKeys(before: GatewayConfig, after: GatewayConfig): readonly string[] {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)] as (keyof GatewayConfig)[]);
  return [...keys].flatMap((key) => {
    const [left, right]: unknown[] = [before[key], after[key]];
    if (livingKeys.includes(key) || isDeepStrictEqual(left, right)) return [];
    if (!isMap(left) || !isMap(right)) return [key];
    const inner = new Set([...Object.keys(left), ...Object.keys(right)]);
    return [...inner]
      .filter((one) => !isDeepStrictEqual(left[one], right[one]))
      .map((one) => `${key}.${one}`);
  });
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

import { basename, dirname } from "node:path";
import { fleetSchema, type Fleet } from "./fleet-schema.ts";
import { Mistakes } from "./mistakes.ts";
import { SiteFolder } from "./site-folder.ts";
import type { ConfigIssue } from "./site.ts";
import { isSound, sourceAt, valuePlace, type Source, type SourcePath } from "./source.ts";
import { validate } from "./validate.ts";

/** What reading a fleet file gives: the fleet, or every mistake in it at once. */
export type LoadedFleet =
  | { readonly ok: true; readonly fleet: Fleet }
  | { readonly ok: false; readonly issues: readonly ConfigIssue[] };

/** Reads and checks the file of `linegate hub apply`. */
export async function loadFleet(path: string): Promise<LoadedFleet> {
  const mistakes = new Mistakes();
  const folder = new SiteFolder(dirname(path), mistakes);
  const file = basename(path);
  const read = await folder.text(file);
  if ("reason" in read) {
    mistakes.add({ file, line: 1, column: 1 }, [], {
      message: read.reason,
      allowed: "a file with `gateways:`",
    });
  }
  const source = await folder.yaml(file);
  const validated = source && validate(fleetSchema, source, [], mistakes);
  if (source !== undefined && validated !== undefined) {
    checkGateways(source, mistakes);
    checkForwarders(source, validated.value, validated.leftOut, mistakes);
    checkLimits(source, validated.value, validated.leftOut, mistakes);
  }
  if (validated === undefined || !mistakes.none) return { ok: false, issues: mistakes.list() };
  return { ok: true, fleet: validated.value };
}

/** No gateway twice, and none that is a leaf as well; no place twice: the hub tells them by it. */
function checkForwarders(
  source: Source,
  { gateways, forwarders }: Fleet,
  leftOut: readonly SourcePath[],
  mistakes: Mistakes,
): void {
  for (const [index, { gateway, site }] of forwarders.entries()) {
    const path = ["forwarders", index];
    if (!isSound(leftOut, path)) continue;
    const add = (key: string, message: string, allowed: string) =>
      mistakes.add(valuePlace(source, [...path, key]), [...path, key], { message, allowed });
    const before = forwarders.slice(0, index);
    if (gateways.includes(gateway) || before.some((one) => one.gateway === gateway))
      add("gateway", `the gateway ${gateway} stands twice`, "each gateway once, as a leaf or as a forwarder");
    const beside = before.find(
      (one) => `${one.site}/`.startsWith(`${site}/`) || `${site}/`.startsWith(`${one.site}/`),
    );
    if (beside !== undefined)
      add("site", `${site} and ${beside.site} hold one another`, "a place of its own for each forwarder");
  }
}

/** No gateway twice. */
function checkGateways(source: Source, mistakes: Mistakes): void {
  const list = sourceAt(source, "gateways");
  const lines = new Map<unknown, number>();
  for (const [index, item] of (list?.kind === "list" ? list.items : []).entries()) {
    if (item.kind !== "scalar") continue;
    const first = lines.get(item.value);
    if (first === undefined) lines.set(item.value, item.place.line);
    else {
      mistakes.add(item.place, ["gateways", index], {
        message: `the gateway ${String(item.value)} stands twice; it is first given on line ${first}`,
        allowed: "each gateway once",
      });
    }
  }
}

/** JetStream remembers no id for longer than it keeps messages. */
function checkLimits(source: Source, fleet: Fleet, leftOut: readonly SourcePath[], mistakes: Mistakes): void {
  for (const stream of ["batches", "events"] as const) {
    const { maxAge, duplicates } = fleet[stream];
    const path = [stream, "maxAge"];
    if (maxAge === undefined || maxAge >= duplicates || !isSound(leftOut, path)) continue;
    mistakes.add(valuePlace(source, path), path, {
      message: `${stream}.maxAge is shorter than ${stream}.duplicates`,
      allowed: "messages kept for at least as long as their ids are remembered",
    });
  }
}

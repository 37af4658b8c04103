import { GatewayError } from "../domain/errors.ts";
import { nearestName } from "../domain/nearest.ts";

const usage = `linegate hub WHAT ...

  apply FLEET.yaml         creates or updates the hub's streams
  push GATEWAY DIR|FILE    puts mappings and files for a gateway, and waits for what it says to them
  roll-back GATEWAY        has a gateway go back to what was before the last change that it took
  status [GATEWAY]...      what is put for gateways, and what they said to it

linegate hub WHAT --help tells more. docs/hub.md`;

const actions: Readonly<Record<string, () => Promise<{ run(args: readonly string[]): Promise<number> }>>> = {
  apply: () => import("./hub-apply.ts"),
  push: () => import("./hub-push.ts"),
  "roll-back": () => import("./hub-roll-back.ts"),
  status: () => import("./hub-status.ts"),
};

/** `linegate hub …`. */
export async function run([what, ...args]: readonly string[]): Promise<number> {
  if (what === "--help" || what === "-h") {
    console.log(usage);
    return 0;
  }
  const load = what !== undefined && Object.hasOwn(actions, what) ? actions[what] : undefined;
  if (load === undefined) {
    const meant = what === undefined ? undefined : nearestName(what, Object.keys(actions));
    const hint = meant === undefined ? "" : ` Did you mean ${meant}?`;
    throw new GatewayError(
      "CONFIG_INVALID",
      `linegate hub takes apply, push, roll-back or status.${hint}\n\n${usage}`,
    );
  }
  return (await load()).run(args);
}

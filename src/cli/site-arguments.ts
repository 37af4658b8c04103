import { parseArgs } from "node:util";
import { GatewayError } from "../domain/errors.ts";

/** What `check` and `plan` take. */
export interface SiteArguments {
  readonly dir: string;
  readonly json: boolean;
}

/** Reads `DIR [--json]`; undefined where help was asked for. Throws CONFIG_INVALID where the folder is missing. */
export function siteArguments(command: string, args: readonly string[]): SiteArguments | undefined {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { json: { type: "boolean", default: false }, help: { type: "boolean", short: "h" } },
    allowPositionals: true,
  });
  if (values.help === true) return undefined;
  const [dir, ...more] = positionals;
  if (dir !== undefined && more.length === 0) return { dir, json: values.json };
  throw new GatewayError(
    "CONFIG_INVALID",
    `linegate ${command} takes one site folder, such as: linegate ${command} mappings/factory`,
  );
}

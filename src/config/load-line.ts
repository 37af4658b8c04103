import type { DeviceMapping } from "../adapter-kit/mapping.ts";
import { LineRules } from "./line-rules.ts";
import { lineSchema } from "./line-schema.ts";
import type { LineConfig } from "./line.ts";
import type { Mistakes } from "./mistakes.ts";
import { toStation } from "./read-line.ts";
import type { SiteFolder } from "./site-folder.ts";
import { findTag, siteTags } from "./site-rules.ts";
import { validate } from "./validate.ts";

export const lineFile = "line.yaml";

/**
 * Reads and checks the site's `line.yaml`; undefined where there is none, or too little of it is right. Without devices,
 * because some could not be read, nothing is said about tags.
 */
export async function loadLine(
  folder: SiteFolder,
  devices: readonly DeviceMapping[] | undefined,
  mistakes: Mistakes,
): Promise<LineConfig | undefined> {
  const source = await folder.yaml(lineFile);
  // A file with nothing in it but comments is one that is not used yet.
  if (source === undefined || (source.kind === "scalar" && source.value === null)) return undefined;
  const validated = validate(lineSchema, source, [], mistakes);
  if (validated === undefined) return undefined;
  const tags = devices === undefined ? undefined : siteTags(devices);
  const valueOf = (tag: string) => (tags === undefined ? undefined : findTag(tags, tag)?.value);
  const stations = Object.entries(validated.value.stations).map(([name, entry]) =>
    toStation(name, entry, valueOf),
  );
  new LineRules(source, tags, mistakes.except(validated.leftOut)).check(stations);
  return { stations };
}

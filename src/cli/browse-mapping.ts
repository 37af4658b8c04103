import { stat, writeFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import type { BrowsedTag } from "../adapter-kit/browse.ts";
import { adapterRegistry } from "../adapter-registry.ts";
import { deviceYaml, type NewTag } from "../config/device-yaml.ts";
import { loadDeviceFile } from "../config/load-device.ts";
import { GatewayError } from "../domain/errors.ts";
import type { JsonValue } from "../domain/reading.ts";
import { isSegment, segmentForm } from "../domain/tag-path.ts";
import type { Target } from "./device-target.ts";
import { issueReport } from "./issue-text.ts";

/** So many of what was left out are named in the terminal; the file names them all. */
const mostNamed = 20;

/** Throws CONFIG_INVALID where a device file can't be written to this place. */
export async function requireWritable(file: string, force: boolean): Promise<void> {
  if (!isSegment(deviceOf(file))) {
    throw notWritten(file, `a device is named after its file, which may hold ${segmentForm}`);
  }
  const folder = await stat(dirname(file)).catch(() => undefined);
  if (folder?.isDirectory() !== true) throw notWritten(file, `there is no folder ${dirname(file)}`);
  if (!force && (await stat(file).catch(() => undefined)) !== undefined) throw notWritten(file, thereAlready);
}

/**
 * Writes only what the whole check of device files accepts: tags that were good when they were looked at. All else stands
 * in comments. Nothing may be written to yet: browsing knows no limits. Throws CONFIG_INVALID.
 */
export async function writeMapping(
  file: string,
  found: readonly BrowsedTag[],
  { mapping, connection }: Target,
  force: boolean,
): Promise<void> {
  const schema = await adapterRegistry[mapping.adapter]?.schema();
  const lines = found
    .filter(({ entry }) => !("unitId" in entry))
    .map((tag) => lineOf(tag, schema?.answers?.(tag.entry) ?? false));
  const tags = lines.filter(({ leftOut }) => leftOut !== true);
  if (tags.length === 0) throw notWritten(file, "nothing was found that a mapping could name");
  const yaml = deviceYaml({
    device: deviceOf(file),
    adapter: mapping.adapter,
    connection,
    comment: commentOf(lines),
    tags: lines,
  });
  try {
    await writeFile(file, yaml, { flag: force ? "w" : "wx" });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw notWritten(file, code === "EEXIST" ? thereAlready : (cause as Error).message, cause);
  }
  const checked = await loadDeviceFile(file);
  if (!checked.ok) {
    console.error(issueReport(checked.dir, checked.issues));
    throw new GatewayError("CONFIG_INVALID", `${file} was written, but has mistakes: see above.`);
  }
  console.error(`${file}: ${tags.length} tags. linegate check looks at the whole site.`);
  tellLeftOut(lines);
}

const thereAlready = "it is there already; --force writes over it";
const canBeWritten = "can be written";
const canBeCalled = "a method";

/** @param isMethod it has no use but to be written to */
function lineOf({ name, entry, status, writable, unit, description }: BrowsedTag, isMethod: boolean): NewTag {
  const { write, ...readable } = entry;
  const keys = {
    ...(isMethod ? entry : readable),
    ...(unit === undefined ? {} : { unit }),
    ...(description === undefined ? {} : { description: description.replaceAll(/\s+/g, " ").trim() }),
  } satisfies { readonly [key: string]: JsonValue };
  if (status !== undefined) return { name, entry: keys, leftOut: true, note: status };
  if (isMethod) return { name, entry: keys, leftOut: true, note: canBeCalled };
  return { name, entry: keys, note: writable && write !== undefined ? canBeWritten : undefined };
}

function commentOf(lines: readonly NewTag[]): string[] {
  const noted = (note: string) => lines.some((line) => line.note === note);
  const leftOut = lines.some((line) => line.leftOut === true && line.note !== canBeCalled);
  return [
    "Made by `linegate browse`: keep the tags that are needed, and give them names, types and units.",
    ...(noted(canBeWritten)
      ? [
          `Nothing may be written to yet. Where it says "${canBeWritten}", add what may be written, such as write: { min: 0, max: 1500 };`,
          "write: {} lets everything through.",
        ]
      : []),
    ...(noted(canBeCalled)
      ? [
          "Methods stand in comments: without its first # such a line lets them be called, with any arguments.",
        ]
      : []),
    ...(leftOut
      ? ["What had no good value when it was looked at stands in a comment too, with its status."]
      : []),
  ];
}

function tellLeftOut(lines: readonly NewTag[]): void {
  const methods = lines.filter(({ note }) => note === canBeCalled).length;
  const left = lines.filter(({ leftOut, note }) => leftOut === true && note !== canBeCalled);
  if (methods > 0) console.error(`${methods} methods stand in it as comments.`);
  if (left.length === 0) return;
  const named = left.slice(0, mostNamed).map(({ name, note }) => `${name} (${note})`);
  const more = left.length - named.length;
  console.error(
    `${left.length} had no good value and stand in it as comments: ${named.join(", ")}${more > 0 ? ` and ${more} more` : ""}.`,
  );
}

function deviceOf(file: string): string {
  return basename(file).replace(/\.ya?ml$/, "");
}

function notWritten(file: string, why: string, cause?: unknown): GatewayError {
  return new GatewayError("CONFIG_INVALID", `${file} was not written: ${why}.`, { cause });
}

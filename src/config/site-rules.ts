import type { DeviceMapping, TagMapping, ValueSpec } from "../adapter-kit/mapping.ts";
import { toGatewayError } from "../domain/errors.ts";
import { nearestName } from "../domain/nearest.ts";
import type { JsonValue } from "../domain/reading.ts";
import { guardWrite } from "../services/commands/guard.ts";
import { unknownNames } from "../services/fill.ts";
import { gatewayTagMappings } from "./gateway-tags.ts";
import type { Comparable, Publication } from "./line.ts";
import type { MistakeSink, Problem } from "./mistakes.ts";
import { keyPlace, valuePlace, type Source, type SourcePath } from "./source.ts";

/** First levels that the gateway alone publishes on (design §3), and those of the servers themselves. */
const ownPrefixes = ["data", "state", "cmd", "alert", "line", "event", "batch", "audit"];

/** The tags of a site as `press-1/cycle/done`, the gateway's own among them; undefined where some devices could not be read. */
export type SiteTags = ReadonlyMap<string, TagMapping> | undefined;

export function siteTags(devices: readonly DeviceMapping[]): ReadonlyMap<string, TagMapping> {
  return new Map([
    ...devices.flatMap(({ device, tags }) => tags.map((tag) => [`${device}/${tag.name}`, tag] as const)),
    ...gatewayTagMappings(),
  ]);
}

/** The tag of a name; one that a wildcard makes is that of its template. */
export function findTag(tags: ReadonlyMap<string, TagMapping>, name: string): TagMapping | undefined {
  const found = tags.get(name);
  if (found !== undefined) return found;
  const levels = name.split("/");
  for (const [template, tag] of tags) {
    if (!template.includes("{")) continue;
    const wanted = template.split("/");
    const fits =
      wanted.length === levels.length &&
      wanted.every((level, at) => level.includes("{") || level === levels[at]);
    if (fits) return tag;
  }
  return undefined;
}

export function isNumber({ value: { kind } }: TagMapping): boolean {
  return kind === "integer" || kind === "float";
}

function wordFor(kind: ValueSpec["kind"]): string {
  switch (kind) {
    case "boolean":
      return "a bool";
    case "integer":
    case "float":
      return "a number";
    case "string":
      return "a text";
    case "json":
      return "a structure";
  }
}

interface SiteRulesOptions {
  readonly source: Source;
  readonly tags: SiteTags;
  readonly mistakes: MistakeSink;
  /** What `${…}` may name in texts that are filled in. */
  readonly fillable: readonly string[];
  /** How this file has it that a device is written to. */
  readonly writeKey: string;
}

/** The rules for what names tags, writes to them and publishes, in whichever file of the site it stands. */
export class SiteRules {
  readonly #options: SiteRulesOptions;

  constructor(options: SiteRulesOptions) {
    this.#options = options;
  }

  /** The tag of a name, or a mistake with the nearest one. */
  tag(path: SourcePath, name: string, atKey = false): TagMapping | undefined {
    const { tags } = this.#options;
    if (tags === undefined) return undefined;
    const tag = findTag(tags, name);
    if (tag !== undefined) return tag;
    const problem = {
      message: `there is no tag ${JSON.stringify(name)} in the site`,
      allowed: "device/tag, as devices/*.yaml name them",
      meant: nearestName(name, tags.keys()),
    };
    if (atKey) this.addKey(path, problem);
    else this.add(path, problem);
    return undefined;
  }

  /** A tag that must be a bool, a number or a text, as `wanted` is. */
  checkKind(
    path: SourcePath,
    name: string,
    tag: TagMapping,
    wanted: "boolean" | "float" | "string",
  ): boolean {
    const { kind } = tag.value;
    if (wordFor(kind) === wordFor(wanted)) return true;
    this.add(path, {
      message: `${name} is ${wordFor(kind)}, not ${wordFor(wanted)}`,
      allowed: `a tag that is ${wordFor(wanted)}, or what suits ${wordFor(kind)}`,
    });
    return false;
  }

  checkComparable(path: SourcePath, value: Comparable, name: string, tag: TagMapping): void {
    if (tag.value.kind === "json") return;
    const form = typeof value === "number" ? "float" : typeof value === "string" ? "string" : "boolean";
    this.checkKind(path, name, tag, form);
  }

  checkWrite(path: SourcePath, name: string, value: JsonValue): void {
    this.checkFilling(path, value);
    const tag = this.tag(path, name, true);
    if (tag === undefined) return;
    if (tag.write === undefined) {
      this.addKey(path, {
        message: `${name} may only be read, its mapping has no \`write\` entry`,
        allowed: `a tag with \`write\`; in its device file: write: {}`,
      });
      return;
    }
    if (value === null) this.add(path, { message: "has no value", allowed: "the value to write" });
    // What is filled in is known only then.
    else if (!JSON.stringify(value).includes("${")) this.#guard(path, name, value, tag);
  }

  checkPublication(path: SourcePath, { to, name, payload }: Publication): void {
    const separator = to === "mqtt" ? "/" : ".";
    this.#checkName([...path, to === "mqtt" ? "topic" : "subject"], name, separator);
    this.checkFilling([...path, "payload"], payload);
  }

  checkFilling(path: SourcePath, value: JsonValue): void {
    const { fillable } = this.#options;
    for (const name of unknownNames(value, fillable)) {
      this.add(path, {
        message: `nothing is filled in for \${${name}}`,
        allowed: fillable.map((known) => `\${${known}}`).join(", "),
        meant: nearestName(name, fillable),
      });
    }
  }

  add(path: SourcePath, problem: Problem): void {
    this.#options.mistakes.add(valuePlace(this.#options.source, path), path, problem);
  }

  addKey(path: SourcePath, problem: Problem): void {
    this.#options.mistakes.add(keyPlace(this.#options.source, path), path, problem);
  }

  #guard(path: SourcePath, name: string, value: NonNullable<JsonValue>, tag: TagMapping): void {
    try {
      guardWrite(value, tag, name);
    } catch (caught) {
      const message = toGatewayError(caught).message.replace(/\.$/, "");
      this.add(path, { message, allowed: "what the tag's type and its `write` entry allow" });
    }
  }

  #checkName(path: SourcePath, name: string, separator: string): void {
    const first = name.split(separator)[0] ?? "";
    if (!ownPrefixes.includes(first) && !first.startsWith("$") && first !== "_INBOX") return;
    this.add(path, {
      message: `only the gateway itself publishes on ${first}${separator}…`,
      allowed: `another first level; to write to a device: ${this.#options.writeKey}`,
    });
  }
}

import type { DeviceMapping, TagMapping, ValueSpec } from "../adapter-kit/mapping.ts";
import { formatDuration } from "../domain/duration.ts";
import { toGatewayError } from "../domain/errors.ts";
import { nearestName } from "../domain/nearest.ts";
import type { JsonValue } from "../domain/reading.ts";
import { guardWrite } from "../services/commands/guard.ts";
import { fillable, unknownNames } from "../services/scheduling/fill.ts";
import { deadLoops, endlessLoops } from "./line-graph.ts";
import type { Comparable, Completion, Condition, StationConfig } from "./line.ts";
import type { MistakeSink, Problem } from "./mistakes.ts";
import { keyPlace, sourceAt, valuePlace, type Source, type SourcePath } from "./source.ts";

/** First levels that the gateway alone publishes on (design §3), and those of the servers themselves. */
const ownPrefixes = ["data", "state", "cmd", "alert", "line", "event", "batch", "audit"];

/** The tags of a site by their names in line.yaml; undefined where some devices could not be read. */
export type SiteTags = ReadonlyMap<string, TagMapping> | undefined;

export function siteTags(devices: readonly DeviceMapping[]): ReadonlyMap<string, TagMapping> {
  return new Map(devices.flatMap(({ device, tags }) => tags.map((tag) => [`${device}/${tag.name}`, tag])));
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

/** Everything that is wrong with a line beyond its form: names, types, loops. */
export class LineRules {
  readonly #source: Source;
  readonly #tags: SiteTags;
  readonly #mistakes: MistakeSink;

  constructor(source: Source, tags: SiteTags, mistakes: MistakeSink) {
    this.#source = source;
    this.#tags = tags;
    this.#mistakes = mistakes;
  }

  check(stations: readonly StationConfig[]): void {
    const names = stations.map(({ name }) => name);
    for (const station of stations) this.#checkStation(station, names);
    for (const loop of deadLoops(stations)) {
      this.#tellLoop(loop, {
        message: "these stations wait for each other and can never start",
        allowed:
          "a station outside the loop that starts it, or `initial` parts, such as after: { all: [agv], initial: { agv: 1 } }",
      });
    }
    for (const loop of endlessLoops(stations)) {
      this.#tellLoop(loop, {
        message: "these stations would pass a part round without end",
        allowed: "complete or confirm at one of them at least",
      });
    }
  }

  #checkStation(station: StationConfig, names: readonly string[]): void {
    const { name, complete, part, ready, confirm, prepare } = station;
    const path = ["stations", name];
    const given = (key: string) => sourceAt(this.#source, ...path, key) !== undefined;
    if (!given("complete") && !given("after")) {
      this.#addKey(path, {
        message: `nothing tells ${name} to begin, nor that it has finished`,
        allowed: "complete, after, or both",
      });
    }
    this.#checkAfter(station, names);
    if (complete !== undefined) this.#checkCompletion([...path, "complete"], complete);
    if (part !== undefined) this.#tag([...path, "part"], part);
    for (const [index, condition] of ready.entries())
      this.#checkCondition([...path, "ready", index], condition);
    if (confirm !== undefined) this.#checkConfirm([...path, "confirm"], confirm);
    for (const { tag, value } of prepare.writes)
      this.#checkWrite([...path, "prepare", "write", tag], tag, value);
    for (const [index, one] of prepare.publications.entries()) {
      const where = [...path, "prepare", "publish", index];
      this.#checkName(
        [...where, one.to === "mqtt" ? "topic" : "subject"],
        one.name,
        one.to === "mqtt" ? "/" : ".",
      );
      this.#checkFilling([...where, "payload"], one.payload);
    }
  }

  #checkAfter({ name, after }: StationConfig, names: readonly string[]): void {
    const path = ["stations", name, "after"];
    for (const [index, from] of (after?.stations ?? []).entries()) {
      if (names.includes(from)) continue;
      const inList = [...path, after?.mode ?? "all", index];
      const where = sourceAt(this.#source, ...inList) === undefined ? path : inList;
      this.#add(where, {
        message: `there is no station ${JSON.stringify(from)}`,
        allowed: names.join(", "),
        meant: nearestName(from, names),
      });
    }
    for (const from of Object.keys(after?.initial ?? {})) {
      if (after?.stations.includes(from) === true) continue;
      this.#addKey([...path, "initial", from], {
        message: `${name} does not come after ${from}`,
        allowed: after?.stations.join(", "),
        meant: nearestName(from, after?.stations ?? []),
      });
    }
  }

  #checkCompletion(path: SourcePath, complete: Completion): void {
    const tag = this.#tag([...path, "tag"], complete.tag);
    if (tag === undefined) return;
    const { kind } = tag.value;
    const number = kind === "integer" || kind === "float";
    if (complete.kind === "edge" && kind !== "boolean")
      this.#wrongKind([...path, "edge"], complete.tag, "a bool", kind);
    if (complete.kind === "counter" && !number)
      this.#wrongKind([...path, "counter"], complete.tag, "a number", kind);
    if (complete.kind === "reaches" && !number)
      this.#wrongKind([...path, "reaches"], complete.tag, "a number", kind);
    if (complete.kind === "reaches" && complete.rearm > complete.reaches) {
      this.#add([...path, "rearm"], {
        message: "rearm is above reaches",
        allowed: `at most ${complete.reaches}`,
      });
    }
    if (complete.kind === "equals")
      this.#checkComparable([...path, "equals"], complete.equals, complete.tag, tag);
  }

  #checkCondition(path: SourcePath, condition: Condition): TagMapping | undefined {
    const tag = this.#tag([...path, "tag"], condition.tag);
    if (tag === undefined) return undefined;
    for (const key of ["is", "isNot"] as const) {
      const value = condition[key];
      if (value !== undefined) this.#checkComparable([...path, key], value, condition.tag, tag);
    }
    const { kind } = tag.value;
    for (const key of ["above", "below"] as const) {
      if (condition[key] !== undefined && kind !== "integer" && kind !== "float")
        this.#wrongKind([...path, key], condition.tag, "a number", kind);
    }
    return tag;
  }

  #checkConfirm(path: SourcePath, confirm: NonNullable<StationConfig["confirm"]>): void {
    const poll = this.#checkCondition(path, confirm)?.poll;
    if (poll === undefined || poll.interval < confirm.within) return;
    this.#add([...path, "within"], {
      message: `${confirm.tag} is read every ${formatDuration(poll.interval)} only (poll group ${poll.name})`,
      allowed: "longer than that, or the tag in a faster poll group",
    });
  }

  #checkComparable(path: SourcePath, value: Comparable, name: string, { value: { kind } }: TagMapping): void {
    const form = typeof value === "number" ? "float" : typeof value === "string" ? "string" : "boolean";
    if (kind !== "json" && wordFor(form) !== wordFor(kind)) this.#wrongKind(path, name, wordFor(form), kind);
  }

  #wrongKind(path: SourcePath, name: string, wanted: string, kind: ValueSpec["kind"]): void {
    this.#add(path, {
      message: `${name} is ${wordFor(kind)}, not ${wanted}`,
      allowed: `a tag that is ${wanted}, or what suits ${wordFor(kind)}`,
    });
  }

  #checkWrite(path: SourcePath, name: string, value: JsonValue): void {
    this.#checkFilling(path, value);
    const tag = this.#tag(path, name, true);
    if (tag === undefined) return;
    if (tag.write === undefined) {
      this.#addKey(path, {
        message: `${name} may only be read, its mapping has no \`write\` entry`,
        allowed: `a tag with \`write\`; in its device file: write: {}`,
      });
      return;
    }
    if (value === null) this.#add(path, { message: "has no value", allowed: "the value to write" });
    // What is filled in is known only then.
    else if (!JSON.stringify(value).includes("${")) this.#guard(path, name, value, tag);
  }

  #guard(path: SourcePath, name: string, value: NonNullable<JsonValue>, tag: TagMapping): void {
    try {
      guardWrite(value, tag, name);
    } catch (caught) {
      const message = toGatewayError(caught).message.replace(/\.$/, "");
      this.#add(path, { message, allowed: "what the tag's type and its `write` entry allow" });
    }
  }

  #checkFilling(path: SourcePath, value: JsonValue): void {
    for (const name of unknownNames(value)) {
      this.#add(path, {
        message: `nothing is filled in for \${${name}}`,
        allowed: fillable.map((known) => `\${${known}}`).join(", "),
        meant: nearestName(name, fillable),
      });
    }
  }

  #checkName(path: SourcePath, name: string, separator: string): void {
    const first = name.split(separator)[0] ?? "";
    if (!ownPrefixes.includes(first) && !first.startsWith("$") && first !== "_INBOX") return;
    this.#add(path, {
      message: `only the gateway itself publishes on ${first}${separator}…`,
      allowed: "another first level; to write to a device: prepare.write",
    });
  }

  /** The tag of a name, or a mistake with the nearest one. */
  #tag(path: SourcePath, name: string, atKey = false): TagMapping | undefined {
    if (this.#tags === undefined) return undefined;
    const tag = findTag(this.#tags, name);
    if (tag !== undefined) return tag;
    const known = [...this.#tags.keys()];
    const problem = {
      message: `there is no tag ${JSON.stringify(name)} in the site`,
      allowed: "device/tag, as devices/*.yaml name them",
      meant: nearestName(name, known),
    };
    if (atKey) this.#addKey(path, problem);
    else this.#add(path, problem);
    return undefined;
  }

  #tellLoop(loop: readonly string[], { message, allowed }: Problem): void {
    const [first = ""] = loop;
    const round = loop.length === 1 ? `${first} comes after itself` : [...loop, first].join(" after ");
    this.#addKey(["stations", first, "after"], { message: `${round}: ${message}`, allowed });
  }

  #add(path: SourcePath, problem: Problem): void {
    this.#mistakes.add(valuePlace(this.#source, path), path, problem);
  }

  #addKey(path: SourcePath, problem: Problem): void {
    this.#mistakes.add(keyPlace(this.#source, path), path, problem);
  }
}

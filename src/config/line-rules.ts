import type { TagMapping } from "../adapter-kit/mapping.ts";
import { formatDuration } from "../domain/duration.ts";
import { nearestName } from "../domain/nearest.ts";
import { fillable } from "../services/fill.ts";
import { deadLoops, endlessLoops } from "./line-graph.ts";
import type { Completion, Condition, StationConfig } from "./line.ts";
import type { MistakeSink, Problem } from "./mistakes.ts";
import { SiteRules, type SiteTags } from "./site-rules.ts";
import { sourceAt, type Source, type SourcePath } from "./source.ts";

/** Everything that is wrong with a line beyond its form: names, types, loops. */
export class LineRules {
  readonly #source: Source;
  readonly #site: SiteRules;

  constructor(source: Source, tags: SiteTags, mistakes: MistakeSink) {
    this.#source = source;
    this.#site = new SiteRules({ source, tags, mistakes, fillable, writeKey: "prepare.write" });
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
      this.#site.addKey(path, {
        message: `nothing tells ${name} to begin, nor that it has finished`,
        allowed: "complete, after, or both",
      });
    }
    this.#checkAfter(station, names);
    if (complete !== undefined) this.#checkCompletion([...path, "complete"], complete);
    if (part !== undefined) this.#site.tag([...path, "part"], part);
    for (const [index, condition] of ready.entries())
      this.#checkCondition([...path, "ready", index], condition);
    if (confirm !== undefined) this.#checkConfirm([...path, "confirm"], confirm);
    for (const { tag, value } of prepare.writes)
      this.#site.checkWrite([...path, "prepare", "write", tag], tag, value);
    for (const [index, one] of prepare.publications.entries())
      this.#site.checkPublication([...path, "prepare", "publish", index], one);
  }

  #checkAfter({ name, after }: StationConfig, names: readonly string[]): void {
    const path = ["stations", name, "after"];
    for (const [index, from] of (after?.stations ?? []).entries()) {
      if (names.includes(from)) continue;
      const inList = [...path, after?.mode ?? "all", index];
      const where = sourceAt(this.#source, ...inList) === undefined ? path : inList;
      this.#site.add(where, {
        message: `there is no station ${JSON.stringify(from)}`,
        allowed: names.join(", "),
        meant: nearestName(from, names),
      });
    }
    for (const from of Object.keys(after?.initial ?? {})) {
      if (after?.stations.includes(from) === true) continue;
      this.#site.addKey([...path, "initial", from], {
        message: `${name} does not come after ${from}`,
        allowed: after?.stations.join(", "),
        meant: nearestName(from, after?.stations ?? []),
      });
    }
  }

  #checkCompletion(path: SourcePath, complete: Completion): void {
    const tag = this.#site.tag([...path, "tag"], complete.tag);
    if (tag === undefined) return;
    if (complete.kind === "edge") this.#site.checkKind([...path, "edge"], complete.tag, tag, "boolean");
    if (complete.kind === "counter" || complete.kind === "reaches")
      this.#site.checkKind([...path, complete.kind], complete.tag, tag, "float");
    if (complete.kind === "reaches" && complete.rearm > complete.reaches) {
      this.#site.add([...path, "rearm"], {
        message: "rearm is above reaches",
        allowed: `at most ${complete.reaches}`,
      });
    }
    if (complete.kind === "equals")
      this.#site.checkComparable([...path, "equals"], complete.equals, complete.tag, tag);
  }

  #checkCondition(path: SourcePath, condition: Condition): TagMapping | undefined {
    const tag = this.#site.tag([...path, "tag"], condition.tag);
    if (tag === undefined) return undefined;
    for (const key of ["is", "isNot"] as const) {
      const value = condition[key];
      if (value !== undefined) this.#site.checkComparable([...path, key], value, condition.tag, tag);
    }
    for (const key of ["above", "below"] as const) {
      if (condition[key] !== undefined) this.#site.checkKind([...path, key], condition.tag, tag, "float");
    }
    return tag;
  }

  #checkConfirm(path: SourcePath, confirm: NonNullable<StationConfig["confirm"]>): void {
    const poll = this.#checkCondition(path, confirm)?.poll;
    if (poll === undefined || poll.interval < confirm.within) return;
    this.#site.add([...path, "within"], {
      message: `${confirm.tag} is read every ${formatDuration(poll.interval)} only (poll group ${poll.name})`,
      allowed: "longer than that, or the tag in a faster poll group",
    });
  }

  #tellLoop(loop: readonly string[], { message, allowed }: Problem): void {
    const [first = ""] = loop;
    const round = loop.length === 1 ? `${first} comes after itself` : [...loop, first].join(" after ");
    this.#site.addKey(["stations", first, "after"], { message: `${round}: ${message}`, allowed });
  }
}

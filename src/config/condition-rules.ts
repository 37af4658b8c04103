import type { DeviceMapping, TagMapping } from "../adapter-kit/mapping.ts";
import { formatDuration, ms, type Duration } from "../domain/duration.ts";
import { nearestName } from "../domain/nearest.ts";
import type { AlertCondition, CountedEvent } from "./alerts.ts";
import type { LineConfig } from "./line.ts";
import { isNumber, type SiteRules } from "./site-rules.ts";
import { scaledRange } from "./tag-rules.ts";
import { isSound, type SourcePath } from "./source.ts";

/** What conditions may name; each undefined where it could not be read, `line` null where the site has none. */
export interface Nameable {
  readonly devices: readonly DeviceMapping[] | undefined;
  readonly line: LineConfig | null | undefined;
}

/** Everything that is wrong with a condition beyond its form: names, types, limits that can't be met. */
export class ConditionRules {
  readonly #site: SiteRules;
  readonly #known: Nameable;
  readonly #leftOut: readonly SourcePath[];

  /** `leftOut`: what stands in for it names nothing. */
  constructor(site: SiteRules, known: Nameable, leftOut: readonly SourcePath[]) {
    this.#site = site;
    this.#known = known;
    this.#leftOut = leftOut;
  }

  check(path: SourcePath, condition: AlertCondition): void {
    if ("tag" in condition) return this.#checkTag(path, condition);
    switch (condition.kind) {
      case "all":
      case "any":
        for (const [index, one] of condition.of.entries()) this.check([...path, condition.kind, index], one);
        return;
      case "not":
        this.check([...path, "not"], condition.of);
        return;
      case "offline":
        this.#checkDevice([...path, "offline"], condition.device);
        return;
      case "count":
        this.#checkCounted([...path, "count"], condition.of);
    }
  }

  #checkTag(path: SourcePath, condition: Extract<AlertCondition, { readonly tag: string }>): void {
    const { tag: name } = condition;
    const named = [...path, "tag"];
    const tag = isSound(this.#leftOut, named) ? this.#site.tag(named, name) : undefined;
    switch (condition.kind) {
      case "above":
      case "below":
        if (tag !== undefined && this.#site.checkKind([...path, condition.kind], name, tag, "float"))
          this.#checkReach([...path, condition.kind], condition, tag);
        return;
      case "outside":
        if (tag !== undefined) this.#site.checkKind([...path, "outside"], name, tag, "float");
        this.#checkLimits(path, condition);
        return;
      case "is":
      case "isNot":
        if (tag !== undefined)
          this.#site.checkComparable([...path, condition.kind], condition.value, name, tag);
        return;
      case "rate":
        this.#checkBand(path, condition);
        if (tag === undefined || !this.#site.checkKind([...path, "rate"], name, tag, "float")) return;
        this.#checkInterval([...path, "rate", "over"], name, tag, condition.over);
        return;
      case "deviation":
        this.#checkBand(path, condition);
        this.#checkDeviation(path, condition, tag);
        return;
      case "stale":
        if (tag !== undefined) this.#checkStale([...path, "stale"], name, tag, condition.after);
        return;
      case "changes":
      case "bad":
    }
  }

  /** A limit that the tag never crosses, or that it is always beyond. */
  #checkReach(
    path: SourcePath,
    { kind, tag: name, limit }: Extract<AlertCondition, { readonly kind: "above" | "below" }>,
    tag: TagMapping,
  ): void {
    const range = scaledRange(tag, tag.value);
    if (range === undefined) return;
    const { low, high } = range;
    const never = kind === "above" ? limit >= high : limit <= low;
    const always = kind === "above" ? limit < low : limit > high;
    if (!never && !always) return;
    this.#site.add(path, {
      message: `${name} is ${never ? "never" : "always"} ${kind} ${limit}, by its type and scale`,
      allowed: `within ${low} to ${high}`,
    });
  }

  #checkLimits(
    path: SourcePath,
    { low, high, deadband }: Extract<AlertCondition, { readonly kind: "outside" }>,
  ): void {
    if (low >= high) {
      this.#site.add([...path, "outside"], {
        message: `the low limit ${low} is not below the high limit ${high}`,
        allowed: "the low limit first, such as [20, 80]",
      });
    } else if (2 * deadband > high - low) {
      this.#site.add([...path, "deadband"], {
        message: `with a deadband of ${deadband} no value between ${low} and ${high} ends it`,
        allowed: `at most ${(high - low) / 2}`,
      });
    }
  }

  /** The difference, or the change, is never below 0. */
  #checkBand(
    path: SourcePath,
    { limit, deadband }: { readonly limit: number; readonly deadband: number },
  ): void {
    if (deadband === 0 || deadband < limit) return;
    this.#site.add([...path, "deadband"], {
      message: `the deadband ${deadband} is not smaller than the limit ${limit}`,
      allowed: `less than ${limit}`,
    });
  }

  #checkDeviation(
    path: SourcePath,
    { tag: name, from }: Extract<AlertCondition, { readonly kind: "deviation" }>,
    tag: TagMapping | undefined,
  ): void {
    const at = [...path, "deviates", "from"];
    if (name === from) {
      this.#site.add(at, { message: "a tag never deviates from itself", allowed: "another tag" });
      return;
    }
    if (tag !== undefined) this.#site.checkKind([...path, "deviates"], name, tag, "float");
    const other = this.#site.tag(at, from);
    if (other === undefined || !this.#site.checkKind(at, from, other, "float")) return;
    if (tag === undefined || !isNumber(tag) || tag.unit === undefined || other.unit === undefined) return;
    if (tag.unit === other.unit) return;
    this.#site.add(at, {
      message: `${name} is in ${tag.unit}, ${from} in ${other.unit}`,
      allowed: "two tags of one unit",
    });
  }

  #checkInterval(path: SourcePath, name: string, { poll }: TagMapping, span: Duration): void {
    if (poll === undefined || span >= poll.interval) return;
    this.#site.add(path, {
      message: readEvery(name, poll),
      allowed: "at least that, or the tag in a faster poll group",
    });
  }

  /** A tag that is answered as it should be must never be stale: neither between two polls, nor while a deadband holds it back. */
  #checkStale(path: SourcePath, name: string, { poll, deadband }: TagMapping, after: Duration): void {
    const interval = poll?.interval ?? ms(0);
    if (poll !== undefined && after <= interval) {
      this.#site.add(path, {
        message: readEvery(name, poll),
        allowed: "longer than that, or the tag in a faster poll group",
      });
      return;
    }
    const longest = ms((deadband?.republish ?? 0) + interval);
    if (deadband === undefined || after > longest) return;
    const { republish } = deadband;
    this.#site.add(path, {
      message: `${name} has a deadband: while its value stands still it is told every ${formatDuration(republish)} only (republish)`,
      allowed: `longer than ${formatDuration(longest)}, a shorter republish of the tag, or quality: bad, as the tag itself goes bad when nothing comes from its device`,
    });
  }

  #checkDevice(path: SourcePath, name: string): void {
    const names = this.#known.devices?.map(({ device }) => device);
    if (names === undefined || names.includes(name)) return;
    this.#site.add(path, {
      message: `there is no device ${JSON.stringify(name)}`,
      allowed: names.length === 0 ? "a device of devices/*.yaml" : names.join(", "),
      meant: nearestName(name, names),
    });
  }

  #checkCounted(path: SourcePath, counted: CountedEvent): void {
    if (counted.kind === "edge") {
      const tag = this.#site.tag([...path, "tag"], counted.tag);
      if (tag === undefined || counted.edge === "change") return;
      this.#site.checkKind([...path, "edge"], counted.tag, tag, "boolean");
      return;
    }
    const { line } = this.#known;
    if (line === undefined) return;
    const { station: name, event } = counted;
    const station = line?.stations.find((one) => one.name === name);
    if (station === undefined) {
      const names = line?.stations.map((one) => one.name) ?? [];
      this.#site.add([...path, "station"], {
        message: line === null ? "the site has no line.yaml" : `there is no station ${JSON.stringify(name)}`,
        allowed: line === null ? "a station of line.yaml; tag and edge" : names.join(", "),
        meant: nearestName(name, names),
      });
      return;
    }
    const missing = { late: "within", confirmed: "confirm" } as const;
    const needed = event === "late" || event === "confirmed" ? missing[event] : undefined;
    if (needed === undefined || station[needed] !== undefined) return;
    this.#site.add([...path, "event"], {
      message: `${name} is never \`${event}\`: it has no \`${needed}\` in line.yaml`,
      allowed: `another event, or \`${needed}\` there`,
    });
  }
}

function readEvery(name: string, poll: NonNullable<TagMapping["poll"]>): string {
  return `${name} is read every ${formatDuration(poll.interval)} only (poll group ${poll.name})`;
}

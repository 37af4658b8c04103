import { nearestName } from "../domain/nearest.ts";
import { isPrefix, isSegment, prefixes, segmentForm } from "../domain/tag-path.ts";
import { isTopicFilter } from "../domain/topic-filter.ts";
import type { GatewayConfig, UserConfig } from "./gateway-schema.ts";
import type { MistakeSink, Problem } from "./mistakes.ts";
import { keyPlace, sourceAt, valuePlace, type Source } from "./source.ts";

const anonymous = "anonymous";

function checkFilter(filter: string): Problem | undefined {
  if (isTopicFilter(filter)) return undefined;
  return {
    message: `${JSON.stringify(filter)} is not a topic filter`,
    allowed: "levels joined by /; + as a level of its own, # as the last one, such as agv/+/state or data/#",
  };
}

function checkPublish(filter: string): Problem | undefined {
  const wrong = checkFilter(filter);
  if (wrong !== undefined) return wrong;
  const first = filter.split("/")[0] ?? "";
  if (!isPrefix(first) && first !== "#" && first !== "+") return undefined;
  return {
    message: `${JSON.stringify(filter)} reaches topics that only the gateway publishes`,
    allowed: `filters that begin with a level of their own, not with ${prefixes.join(", ")}, # or +`,
  };
}

function checkWrite(filter: string, prefix: string): Problem | undefined {
  const wrong = checkFilter(filter);
  if (wrong !== undefined) return wrong;
  if (filter.startsWith(prefix) && filter.length > prefix.length) return undefined;
  return {
    message: `${JSON.stringify(filter)} is not below ${prefix}`,
    allowed: `filters that begin with ${prefix}, such as ${prefix}#`,
  };
}

/** First levels that are somebody's: the gateway's, its services', or what the hub puts. */
const owned: readonly string[] = [
  ...prefixes,
  "batch",
  "push",
  "scheduling",
  "alerting",
  "bridge",
  "images",
  "commands",
];

function checkExchange(filter: string): Problem | undefined {
  const wrong = checkFilter(filter);
  if (wrong !== undefined) return wrong;
  const [first = "", ...rest] = filter.split("/");
  const isFree = isSegment(first) && !first.startsWith("_") && !owned.includes(first);
  if (isFree && rest.every((level) => level === "+" || level === "#" || isSegment(level))) return undefined;
  return {
    message: `${JSON.stringify(filter)} is no subject of the site's own programs`,
    allowed: `levels of ${segmentForm}, + and #, that begin with one of their own, not with _ or ${owned.join(", ")}`,
  };
}

/** Who is known, and what each may do. `commands` is what every topic of a write begins with. */
export function checkUsers(
  source: Source,
  gateway: GatewayConfig,
  commands: string,
  mistakes: MistakeSink,
): void {
  for (const [name, user] of Object.entries(gateway.users)) {
    checkPassword(source, name, user, mistakes);
    const rules = {
      read: checkFilter,
      publish: checkPublish,
      write: (filter: string) => checkWrite(filter, commands),
    };
    for (const right of ["read", "publish", "write"] as const) {
      for (const [index, filter] of user[right].entries()) {
        const problem = rules[right](filter);
        const path = ["users", name, right, index];
        if (problem !== undefined) mistakes.add(valuePlace(source, path), path, problem);
      }
    }
    for (const right of ["publish", "read"] as const) {
      for (const [index, filter] of (user.exchange?.[right] ?? []).entries()) {
        const problem = checkExchange(filter);
        const path = ["users", name, "exchange", right, index];
        if (problem !== undefined) mistakes.add(valuePlace(source, path), path, problem);
      }
    }
  }
}

function checkPassword(source: Source, name: string, user: UserConfig, mistakes: MistakeSink): void {
  const path = ["users", name];
  if (name === anonymous && user.passwordHash !== undefined) {
    const where = [...path, "passwordHash"];
    mistakes.add(keyPlace(source, where), where, {
      message: "the user `anonymous` stands for clients without a password",
      allowed: "no passwordHash here, or another name",
    });
  }
  // A hash that is there but wrong is told by the schema.
  if (name === anonymous || sourceAt(source, ...path, "passwordHash") !== undefined) return;
  mistakes.add(keyPlace(source, path), path, {
    message: `the user ${name} has no passwordHash`,
    allowed: "a bcrypt hash, as `linegate passwd` prints it; only `anonymous` has none",
    meant: nearestName(name, [anonymous]),
  });
}

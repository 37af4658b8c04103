import { nearestName } from "../domain/nearest.ts";
import { isTopicFilter } from "../domain/topic-filter.ts";
import type { GatewayConfig, UserConfig } from "./gateway-schema.ts";
import type { MistakeSink, Problem } from "./mistakes.ts";
import { keyPlace, sourceAt, valuePlace, type Source } from "./source.ts";

const anonymous = "anonymous";
/** The prefixes that the gateway alone publishes to (design §3). */
const ownPrefixes = ["data", "state", "cmd", "alert", "line", "event", "audit"];

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
  if (!ownPrefixes.includes(first) && first !== "#" && first !== "+") return undefined;
  return {
    message: `${JSON.stringify(filter)} reaches topics that only the gateway publishes`,
    allowed: `filters that begin with a level of their own, not with ${ownPrefixes.join(", ")}, # or +`,
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

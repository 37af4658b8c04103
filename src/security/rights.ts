import type { UserConfig } from "../config/gateway-schema.ts";
import { compileFilter, filterCovers } from "../domain/topic-filter.ts";

/** First levels that the gateway alone publishes on. Design §3. */
const gatewayLevels: ReadonlySet<string> = new Set(["data", "state", "alert", "line", "event", "audit"]);
const replySuffix = "/reply";

/** True for topics that no client may publish on, whatever its rights. */
export function isGatewayTopic(topic: string): boolean {
  if (topic.startsWith("$")) return true;
  const slash = topic.indexOf("/");
  const first = slash < 0 ? topic : topic.slice(0, slash);
  return gatewayLevels.has(first) || (first === "cmd" && topic.endsWith(replySuffix));
}

/** True for the topics that ask for a write to a device. */
export function isCommandTopic(topic: string): boolean {
  return topic.startsWith("cmd/") || topic === "cmd";
}

/** What one user may do, compiled from its topic filters. */
export class Rights {
  readonly #read: readonly string[];
  readonly #writeFilters: readonly string[];
  readonly #publish: readonly ((topic: string) => boolean)[];
  readonly #write: readonly ((topic: string) => boolean)[];

  constructor({ read, publish, write }: Pick<UserConfig, "read" | "publish" | "write">) {
    this.#read = read;
    this.#writeFilters = write;
    this.#publish = publish.map(compileFilter);
    this.#write = write.map(compileFilter);
  }

  /** True where each topic that the subscription's filter matches may be read, or is a reply to what may be written. */
  mayRead(filter: string): boolean {
    if (this.#read.some((allowed) => filterCovers(allowed, filter))) return true;
    if (!filter.startsWith("cmd/") || !filter.endsWith(replySuffix)) return false;
    const commands = filter.slice(0, -replySuffix.length);
    return this.#writeFilters.some((allowed) => filterCovers(allowed, commands));
  }

  /** True where any topic may be read at all. */
  get readsSomething(): boolean {
    return this.#read.length > 0;
  }

  /** A command needs the write right, everything else the right to publish; the gateway's own topics are nobody's. */
  mayPublish(topic: string): boolean {
    if (isGatewayTopic(topic)) return false;
    const allowed = isCommandTopic(topic) ? this.#write : this.#publish;
    return allowed.some((matches) => matches(topic));
  }
}

/** What anybody on the machine may do while no users are configured. */
export const everything: Pick<UserConfig, "read" | "publish" | "write"> = {
  read: ["#"],
  publish: ["#"],
  write: ["cmd/#"],
};

/** True for a topic name as MQTT 3.1.1 §4.7 takes it: at least one character, no wildcard, no U+0000. */
export function isTopicName(text: string): boolean {
  return text.length > 0 && !/[#+\0]/.test(text);
}

/** True for a topic filter: `+` fills a whole level, `#` the last one. MQTT 3.1.1 §4.7.1. */
export function isTopicFilter(text: string): boolean {
  if (text.length === 0 || text.includes("\0")) return false;
  const levels = text.split("/");
  return levels.every(
    (level, index) => level === "+" || (level === "#" && index === levels.length - 1) || !/[#+]/.test(level),
  );
}

/** True where the filter has a `+` or a `#`. */
export function hasWildcard(filter: string): boolean {
  return filter.includes("+") || filter.includes("#");
}

/** A filter as a test of topic names. A wildcard first does not match topics that begin with `$`, §4.7.2. */
export function compileFilter(filter: string): (topic: string) => boolean {
  if (!hasWildcard(filter)) return (topic) => topic === filter;
  const levels = filter.split("/");
  const wildFirst = levels[0] === "+" || levels[0] === "#";
  return (topic) => !(wildFirst && topic.startsWith("$")) && matchesLevels(levels, topic.split("/"));
}

/** True where the topic name matches the filter. */
export function matchesFilter(filter: string, topic: string): boolean {
  return compileFilter(filter)(topic);
}

function matchesLevels(filter: readonly string[], topic: readonly string[]): boolean {
  for (const [index, level] of filter.entries()) {
    // `a/#` matches `a` as well: the parent level, §4.7.1.2.
    if (level === "#") return true;
    if (index >= topic.length || (level !== "+" && level !== topic[index])) return false;
  }
  return filter.length === topic.length;
}

/** True where each topic name that matches `inner` matches `outer` too. */
export function filterCovers(outer: string, inner: string): boolean {
  const over = outer.split("/");
  const under = inner.split("/");
  // No topic name is empty, so these have no parent level to match: `#` means the same as `+/#`, `/#` as `/+/#`.
  if (inner === "#" || inner === "/#") under.splice(-1, 0, "+");
  // §4.7.2: an outer wildcard first leaves out the `$` topics, which only a literal first level can name.
  if ((over[0] === "+" || over[0] === "#") && under[0]?.startsWith("$") === true) return false;
  for (const [index, level] of over.entries()) {
    if (level === "#") return true;
    const below = under[index];
    if (below === undefined || below === "#" || (level !== "+" && level !== below)) return false;
  }
  return over.length === under.length;
}

/** A wildcard's place in a filter. */
export interface Wildcard {
  readonly level: number;
  /** It stands for all that follows: `#`. */
  readonly rest: boolean;
}

/** The wildcards of a filter, in order. */
export function wildcardsOf(filter: string): Wildcard[] {
  return filter
    .split("/")
    .flatMap((text, level) => (text === "+" || text === "#" ? [{ level, rest: text === "#" }] : []));
}

/** What the wildcards stand for in a topic that matches; the last may hold several levels. */
export function captures(wildcards: readonly Wildcard[], topic: string): string[] {
  if (wildcards.length === 0) return [];
  const levels = topic.split("/");
  return wildcards.map(({ level, rest }) => (rest ? levels.slice(level).join("/") : (levels[level] ?? "")));
}

/** A tag's name with `{1}`, `{2}`, … filled in. */
export function filledName(template: string, parts: readonly string[]): string {
  return template.replaceAll(/\{(\d+)\}/g, (_, number: string) => parts[Number(number) - 1] ?? "");
}

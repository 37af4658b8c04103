interface Node<T> {
  readonly children: Map<string, Node<T>>;
  values: T[];
}

/** Topics whose matches are remembered; a gateway publishes on the same few thousand over and over. */
const mostRemembered = 20_000;

/**
 * Values by topic filter, looked up by topic name. A wildcard first does not match names that begin with `$`
 * (MQTT 3.1.1 §4.7.2); `a/#` matches `a` as well (§4.7.1.2).
 */
export class TopicTree<T> {
  readonly #root: Node<T> = { children: new Map(), values: [] };
  readonly #remembered = new Map<string, readonly T[]>();

  add(filter: string, value: T): void {
    let node = this.#root;
    for (const level of filter.split("/")) {
      let child = node.children.get(level);
      if (child === undefined) {
        child = { children: new Map(), values: [] };
        node.children.set(level, child);
      }
      node = child;
    }
    node.values.push(value);
    this.#remembered.clear();
  }

  remove(filter: string, value: T): void {
    const levels = filter.split("/");
    const path: Node<T>[] = [this.#root];
    for (const level of levels) {
      const child = path.at(-1)?.children.get(level);
      if (child === undefined) return;
      path.push(child);
    }
    const last = path.at(-1);
    const index = last?.values.indexOf(value) ?? -1;
    if (last === undefined || index < 0) return;
    // A new array: an iteration over the old one may be under way.
    last.values = last.values.toSpliced(index, 1);
    for (let depth = levels.length; depth > 0; depth -= 1) {
      const node = path[depth];
      if (node === undefined || node.values.length > 0 || node.children.size > 0) break;
      path[depth - 1]?.children.delete(levels[depth - 1] ?? "");
    }
    this.#remembered.clear();
  }

  /** The values of all filters that match, one entry for each filter. Not to be changed. */
  match(topic: string): readonly T[] {
    const remembered = this.#remembered.get(topic);
    if (remembered !== undefined) return remembered;
    const found: T[] = [];
    collect(this.#root, topic.split("/"), 0, topic.startsWith("$"), found);
    if (this.#remembered.size >= mostRemembered) this.#remembered.clear();
    this.#remembered.set(topic, found);
    return found;
  }
}

function collect<T>(
  node: Node<T>,
  levels: readonly string[],
  depth: number,
  hidden: boolean,
  found: T[],
): void {
  const wild = !(hidden && depth === 0);
  const rest = wild ? node.children.get("#") : undefined;
  if (rest !== undefined) found.push(...rest.values);
  const level = levels[depth];
  if (level === undefined) {
    found.push(...node.values);
    return;
  }
  const named = node.children.get(level);
  if (named !== undefined) collect(named, levels, depth + 1, hidden, found);
  const any = wild ? node.children.get("+") : undefined;
  if (any !== undefined) collect(any, levels, depth + 1, hidden, found);
}

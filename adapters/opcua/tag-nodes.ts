import type { NodeId } from "node-opcua-nodeid";
import type { AddressSpace, Resolved } from "./address-space.ts";
import type { OpcuaTag } from "./mapping.ts";

/** The nodes of the tags on this connection: looked up after connecting, and again where the server did not know one. */
export class TagNodes {
  readonly #space: AddressSpace;
  readonly #found = new Map<string, Resolved>();

  constructor(space: AddressSpace) {
    this.#space = space;
  }

  /** Looks the tags up, those with a browse path by asking the server. */
  async resolve(tags: readonly OpcuaTag[], signal: AbortSignal): Promise<void> {
    const byPath = tags.filter(({ options }) => options.path !== undefined);
    const answers = await this.#space.translate(
      byPath.map(({ options }) => options.path ?? ""),
      signal,
    );
    for (const [index, tag] of byPath.entries())
      this.#found.set(tag.name, answers[index] ?? { bad: "BadNoMatch" });
    for (const { name, options } of tags) {
      const node = options.node ?? options.method;
      if (node !== undefined) this.#found.set(name, this.#space.nodeId(node));
    }
  }

  get(tag: string): Resolved {
    return this.#found.get(tag) ?? { bad: "BadNodeIdUnknown" };
  }

  /** Of those tags the ones that have a node, with it. */
  known(tags: readonly OpcuaTag[]): readonly (readonly [tag: OpcuaTag, node: NodeId])[] {
    return tags.flatMap((tag) => {
      const resolved = this.get(tag.name);
      return "id" in resolved ? [[tag, resolved.id] as const] : [];
    });
  }
}

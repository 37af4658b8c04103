import { coerceNodeId, type NodeId } from "node-opcua-nodeid";
import { BrowseRequest, type BrowseResponse } from "node-opcua-types";
import { DataType } from "node-opcua-variant";
import { isOfConnection } from "./batches.ts";
import { ServiceFaultError } from "./channel.ts";
import type { Session } from "./session.ts";

const hasSubtype = coerceNodeId("i=45");
/** Deeper than any type hierarchy. */
const mostLevels = 20;
/** Abstract numbers, OPC UA Part 5 §12.2, each as the widest of its kind. */
const abstractTypes: Readonly<Record<number, string>> = {
  26: "Double",
  27: "Int64",
  28: "UInt64",
  29: "Int32",
};

/** The built-in types behind the server's data types, asked for once a type. */
export class DataTypes {
  readonly #session: Session;
  readonly #known = new Map<string, string>();

  constructor(session: Session) {
    this.#session = session;
  }

  /** Such as `Double` for Duration; `ExtensionObject` for structures. */
  async builtIn(type: NodeId, signal: AbortSignal): Promise<string> {
    const key = type.toString();
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const found = await this.#climb(type, signal);
    this.#known.set(key, found);
    return found;
  }

  async #climb(type: NodeId, signal: AbortSignal): Promise<string> {
    let at = type;
    for (let level = 0; level < mostLevels; level += 1) {
      if (at.namespace === 0 && typeof at.value === "number") {
        const name = abstractTypes[at.value] ?? (at.value <= 25 ? DataType[at.value] : undefined);
        if (name !== undefined) return name;
      }
      const request = new BrowseRequest({
        nodesToBrowse: [
          {
            nodeId: at,
            browseDirection: 1,
            referenceTypeId: hasSubtype,
            includeSubtypes: true,
            resultMask: 0,
          },
        ],
      });
      const above = await this.#above(request, signal);
      if (above === undefined) break;
      at = coerceNodeId(above.toString());
    }
    return "Variant";
  }

  /** Undefined where the server does not say: one type that it can't answer for costs no other. */
  async #above(request: BrowseRequest, signal: AbortSignal) {
    try {
      const { results } = await this.#session.request<BrowseResponse>(request, { signal });
      return results?.[0]?.references?.[0]?.nodeId;
    } catch (caught) {
      if (!(caught instanceof ServiceFaultError) || isOfConnection(caught.status)) throw caught;
      return undefined;
    }
  }
}

import { coerceNodeId, NodeId, NodeIdType } from "node-opcua-nodeid";
import { AttributeIds } from "node-opcua-data-model";
import { DataValue } from "node-opcua-data-value";
import {
  ReadRequest,
  TranslateBrowsePathsToNodeIdsRequest,
  type BrowsePathOptions,
  type ReadResponse,
  type TranslateBrowsePathsToNodeIdsResponse,
} from "node-opcua-types";
import { inBatches } from "./batches.ts";
import type { Limits } from "./limits.ts";
import {
  formatNodeAddress,
  parseBrowsePath,
  parseNodeAddress,
  type Namespace,
  type NodeAddress,
  type PathStep,
} from "./node-address.ts";
import type { Session } from "./session.ts";
import { qualityOf, statusCodeOf, statusName } from "./status.ts";
import { valueOf } from "./variant-value.ts";

const kinds = {
  [NodeIdType.NUMERIC]: "i",
  [NodeIdType.STRING]: "s",
  [NodeIdType.GUID]: "g",
  [NodeIdType.BYTESTRING]: "b",
} as const;

/** A node of this connection, or why there is none, such as `BadNodeIdUnknown`. */
export type Resolved = { readonly id: NodeId } | { readonly bad: string };

export interface ReadOptions {
  /** The value by default. */
  readonly attribute?: AttributeIds;
  /** Told of nodes that the server answers with a ServiceFault where they are asked for alone. */
  onFault?(this: void, node: NodeId): void;
}

const serverNamespaces = coerceNodeId("i=2255");
const root = coerceNodeId("i=84");
const hierarchical = coerceNodeId("i=33");

/** The server's namespaces and nodes as this connection knows them: an index is good for no longer. */
export class AddressSpace {
  readonly #session: Session;
  readonly #limits: Limits;
  #namespaces: readonly string[] = [];

  constructor(session: Session, limits: Limits) {
    this.#session = session;
    this.#limits = limits;
  }

  get namespaces(): readonly string[] {
    return this.#namespaces;
  }

  /** Reads the NamespaceArray anew. */
  async refresh(signal: AbortSignal): Promise<void> {
    const [data] = await this.read([serverNamespaces], signal);
    const value = data?.value ? valueOf(data.value) : null;
    this.#namespaces = Array.isArray(value) ? value.map(String) : [];
  }

  /** The values of the nodes, in batches that the server takes; a node that it can't answer for has the fault's status. */
  async read(
    nodes: readonly NodeId[],
    signal: AbortSignal,
    { attribute = AttributeIds.Value, onFault }: ReadOptions = {},
  ): Promise<readonly DataValue[]> {
    return inBatches(nodes, {
      limits: this.#limits,
      service: "read",
      call: async (batch) => {
        const request = new ReadRequest({
          timestampsToReturn: 2,
          nodesToRead: batch.map((nodeId) => ({ nodeId, attributeId: attribute })),
        });
        const { results } = await this.#session.request<ReadResponse>(request, { signal });
        return results ?? [];
      },
      refused: (node, status) => {
        onFault?.(node);
        return new DataValue({ statusCode: statusCodeOf(status) });
      },
    });
  }

  /** The node of an address; with a namespace that the server does not have there is none. */
  nodeId(text: string): Resolved {
    const address = parseNodeAddress(text);
    return address === undefined ? { bad: "BadNodeIdInvalid" } : this.#nodeOf(address);
  }

  /** The nodes behind browse paths from the Root folder, OPC UA Part 4 §5.9.4. */
  async translate(paths: readonly string[], signal: AbortSignal): Promise<readonly Resolved[]> {
    const parsed = paths.map((path) => this.#elements(parseBrowsePath(path) ?? []));
    const asked = parsed.filter((elements) => elements !== undefined);
    const answers = await this.#follow(
      asked.map((elements) => ({ startingNode: root, relativePath: { elements } })),
      signal,
    );
    let next = 0;
    return parsed.map((elements): Resolved => {
      if (elements === undefined) return { bad: "BadNodeIdUnknown" };
      return answers[next++] ?? { bad: "BadNoMatch" };
    });
  }

  /** The child of each node by its name in namespace 0, where it has one. */
  async children(
    nodes: readonly NodeId[],
    referenceTypeId: NodeId,
    name: string,
    signal: AbortSignal,
  ): Promise<readonly (NodeId | undefined)[]> {
    const targetName = { namespaceIndex: 0, name };
    const elements = [{ referenceTypeId, includeSubtypes: true, isInverse: false, targetName }];
    const answers = await this.#follow(
      nodes.map((startingNode) => ({ startingNode, relativePath: { elements } })),
      signal,
    );
    return answers.map((answer) => ("id" in answer ? answer.id : undefined));
  }

  /** The address of a node with its namespace by URI: what a mapping should say. */
  address(id: NodeId): string {
    const value = Buffer.isBuffer(id.value) ? id.value.toString("base64") : String(id.value);
    const uri = id.namespace === 0 ? undefined : this.#namespaces[id.namespace];
    const namespace = uri === undefined ? { index: id.namespace } : { uri };
    return formatNodeAddress({ namespace, kind: kinds[id.identifierType], value });
  }

  /** The first node at the end of each path. */
  async #follow(paths: readonly BrowsePathOptions[], signal: AbortSignal): Promise<readonly Resolved[]> {
    return inBatches(paths, {
      limits: this.#limits,
      service: "translate",
      call: async (browsePaths) => {
        const request = new TranslateBrowsePathsToNodeIdsRequest({ browsePaths });
        const { results } = await this.#session.request<TranslateBrowsePathsToNodeIdsResponse>(request, {
          signal,
        });
        return (results ?? []).map(({ statusCode, targets }): Resolved => {
          const target = targets?.[0]?.targetId;
          if (qualityOf(statusCode) === "bad" || !target) return { bad: statusName(statusCode) };
          return { id: new NodeId(target.identifierType, target.value, target.namespace) };
        });
      },
      refused: (_path, status) => ({ bad: status }),
    });
  }

  #index(namespace: Namespace): number | undefined {
    if ("index" in namespace) return namespace.index;
    const found = this.#namespaces.indexOf(namespace.uri);
    return found < 0 ? undefined : found;
  }

  #nodeOf({ namespace, kind, value }: NodeAddress): Resolved {
    const index = this.#index(namespace);
    if (index === undefined) return { bad: "BadNodeIdUnknown" };
    if (kind === "b") return { id: new NodeId(NodeIdType.BYTESTRING, Buffer.from(value, "base64"), index) };
    if (kind === "i") return { id: new NodeId(NodeIdType.NUMERIC, Number(value), index) };
    return { id: new NodeId(kind === "s" ? NodeIdType.STRING : NodeIdType.GUID, value, index) };
  }

  #elements(steps: readonly PathStep[]) {
    const elements = [];
    for (const { namespace, name } of steps) {
      const namespaceIndex = this.#index(namespace);
      if (namespaceIndex === undefined) return undefined;
      elements.push({
        referenceTypeId: hierarchical,
        includeSubtypes: true,
        isInverse: false,
        targetName: { namespaceIndex, name },
      });
    }
    return elements;
  }
}

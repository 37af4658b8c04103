import { coerceNodeId, NodeId, NodeIdType } from "node-opcua-nodeid";
import { AttributeIds } from "node-opcua-data-model";
import type { DataValue } from "node-opcua-data-value";
import {
  ReadRequest,
  TranslateBrowsePathsToNodeIdsRequest,
  type ReadResponse,
  type TranslateBrowsePathsToNodeIdsResponse,
} from "node-opcua-types";
import { inBatches, type Limits } from "./limits.ts";
import {
  formatNodeAddress,
  parseBrowsePath,
  parseNodeAddress,
  type Namespace,
  type NodeAddress,
  type PathStep,
} from "./node-address.ts";
import type { Session } from "./session.ts";
import { qualityOf, statusName } from "./status.ts";
import { valueOf } from "./variant-value.ts";

const kinds = {
  [NodeIdType.NUMERIC]: "i",
  [NodeIdType.STRING]: "s",
  [NodeIdType.GUID]: "g",
  [NodeIdType.BYTESTRING]: "b",
} as const;

/** A node of this connection, or why there is none, such as `BadNodeIdUnknown`. */
export type Resolved = { readonly id: NodeId } | { readonly bad: string };

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

  /** The values of the nodes, in batches that the server takes. */
  async read(
    nodes: readonly NodeId[],
    signal: AbortSignal,
    attributeId: AttributeIds = AttributeIds.Value,
  ): Promise<readonly DataValue[]> {
    return inBatches(nodes, this.#limits.read, async (batch) => {
      const request = new ReadRequest({
        timestampsToReturn: 2,
        nodesToRead: batch.map((nodeId) => ({ nodeId, attributeId })),
      });
      const { results } = await this.#session.request<ReadResponse>(request, { signal });
      return results ?? [];
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
    const answers = await inBatches(asked, this.#limits.translate, async (batch) => {
      const request = new TranslateBrowsePathsToNodeIdsRequest({
        browsePaths: batch.map((elements) => ({ startingNode: root, relativePath: { elements } })),
      });
      const response = await this.#session.request<TranslateBrowsePathsToNodeIdsResponse>(request, {
        signal,
      });
      return response.results ?? [];
    });
    let next = 0;
    return parsed.map((elements): Resolved => {
      if (elements === undefined) return { bad: "BadNodeIdUnknown" };
      const answer = answers[next++];
      if (answer === undefined) return { bad: "BadNoMatch" };
      const target = answer.targets?.[0]?.targetId;
      if (qualityOf(answer.statusCode) === "bad" || !target) return { bad: statusName(answer.statusCode) };
      return { id: new NodeId(target.identifierType, target.value, target.namespace) };
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
    return inBatches(nodes, this.#limits.translate, async (batch) => {
      const request = new TranslateBrowsePathsToNodeIdsRequest({
        browsePaths: batch.map((startingNode) => ({ startingNode, relativePath: { elements } })),
      });
      const { results } = await this.#session.request<TranslateBrowsePathsToNodeIdsResponse>(request, {
        signal,
      });
      return batch.map((_node, index) => {
        const target = results?.[index]?.targets?.[0]?.targetId;
        return target ? new NodeId(target.identifierType, target.value, target.namespace) : undefined;
      });
    });
  }

  /** The address of a node with its namespace by URI: what a mapping should say. */
  address(id: NodeId): string {
    const value = Buffer.isBuffer(id.value) ? id.value.toString("base64") : String(id.value);
    const uri = id.namespace === 0 ? undefined : this.#namespaces[id.namespace];
    const namespace = uri === undefined ? { index: id.namespace } : { uri };
    return formatNodeAddress({ namespace, kind: kinds[id.identifierType], value });
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

import { coerceNodeId } from "node-opcua-nodeid";
import { ReadRequest, type ReadResponse } from "node-opcua-types";
import type { Session } from "./session.ts";
import { qualityOf } from "./status.ts";

/** How much the server takes in one call: Server/ServerCapabilities/OperationLimits, OPC UA Part 5 §6.3.11. */
export interface Limits {
  readonly read: number;
  readonly write: number;
  readonly browse: number;
  readonly translate: number;
  readonly monitor: number;
}

/** Where the server sets no limit, or does not say: small enough for any, and few round trips all the same. */
const unlimited = 500;

const nodes = ["i=11705", "i=11707", "i=11710", "i=11712", "i=11714"];

/** Asks for each limit on its own: a server may allow one node a read. */
export async function readLimits(session: Session, signal: AbortSignal): Promise<Limits> {
  const asked = nodes.map(async (node) => {
    const request = new ReadRequest({ nodesToRead: [{ nodeId: coerceNodeId(node), attributeId: 13 }] });
    const { results } = await session.request<ReadResponse>(request, { signal });
    const data = results?.[0];
    const limit: unknown = data && qualityOf(data.statusCode) === "good" ? data.value?.value : 0;
    return typeof limit === "number" && limit > 0 ? Math.min(limit, unlimited) : unlimited;
  });
  const [read = 1, write = 1, browse = 1, translate = 1, monitor = 1] = await Promise.all(asked);
  return { read, write, browse, translate, monitor };
}

/** Runs a call on slices of at most `size`, one after the other, and joins what they give. */
export async function inBatches<In, Out>(
  all: readonly In[],
  size: number,
  call: (batch: In[]) => Promise<readonly Out[]>,
): Promise<Out[]> {
  const results: Out[] = [];
  for (let start = 0; start < all.length; start += size) {
    results.push(...(await call(all.slice(start, start + size))));
  }
  return results;
}

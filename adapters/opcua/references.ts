import { coerceNodeId } from "node-opcua-nodeid";
import {
  BrowseNextRequest,
  BrowseRequest,
  type BrowseNextResponse,
  type BrowseResponse,
  type BrowseResult,
  type ReferenceDescription,
} from "node-opcua-types";
import { inBatches } from "./batches.ts";
import type { Found } from "./described.ts";
import type { Limits } from "./limits.ts";
import type { Session } from "./session.ts";
import { qualityOf, statusName } from "./status.ts";

const hierarchical = coerceNodeId("i=33");
/** Objects, variables and methods. */
const nodeClassMask = 1 | 2 | 4;
/** How many references of a node the server gives at once; what is more comes by its continuation point. */
const page = 1_000;
/** All that it can. */
const unlimited = 0;
/** The server has no place to remember how far it got, or has forgotten: asked again, it begins anew. */
const forgotten = /^Bad(NoContinuationPoints|ContinuationPointInvalid)$/;

/** What lies below a node, and why that is not all of it, such as `BadNoContinuationPoints`. */
export interface Below {
  readonly at: Found;
  readonly references: readonly ReferenceDescription[];
  readonly bad?: string | undefined;
}

export interface ReferencesOptions {
  readonly session: Session;
  readonly limits: Limits;
}

/** The references of each node, in order (OPC UA Part 4 §5.9.2). Rejects only where the connection is at fault. */
export async function referencesBelow(
  level: readonly Found[],
  options: ReferencesOptions,
  signal: AbortSignal,
): Promise<readonly Below[]> {
  return inBatches(level, {
    limits: options.limits,
    service: "browse",
    call: async (batch) => {
      const results = await browse(batch, page, options, signal);
      const below: Below[] = [];
      for (const [index, at] of batch.entries())
        below.push(await wholeOf(at, results[index], options, signal));
      // By now no continuation point is held any more: what had none is asked for alone.
      for (const [index, { at, bad }] of below.entries()) {
        if (bad === undefined || !forgotten.test(bad)) continue;
        const [again] = await browse([at], page, options, signal);
        const whole = await wholeOf(at, again, options, signal);
        below[index] = whole.bad === undefined ? whole : await atOnce(at, options, signal);
      }
      return below;
    },
    refused: (at, bad): Below => ({ at, references: [], bad }),
  });
}

/** Asks for all references of a node in one answer, which takes no continuation point. */
async function atOnce(at: Found, options: ReferencesOptions, signal: AbortSignal): Promise<Below> {
  const [result] = await browse([at], unlimited, options, signal);
  return wholeOf(at, result, options, signal);
}

async function browse(
  nodes: readonly Found[],
  requestedMaxReferencesPerNode: number,
  { session }: ReferencesOptions,
  signal: AbortSignal,
): Promise<readonly BrowseResult[]> {
  const request = new BrowseRequest({
    requestedMaxReferencesPerNode,
    nodesToBrowse: nodes.map(({ id }) => ({
      nodeId: id,
      browseDirection: 0,
      referenceTypeId: hierarchical,
      includeSubtypes: true,
      nodeClassMask,
      resultMask: 63,
    })),
  });
  const { results } = await session.request<BrowseResponse>(request, { signal });
  return results ?? [];
}

/** A result with what did not fit into it (OPC UA Part 4 §5.9.3). */
async function wholeOf(
  at: Found,
  first: BrowseResult | undefined,
  options: ReferencesOptions,
  signal: AbortSignal,
): Promise<Below> {
  const references: ReferenceDescription[] = [];
  let result = first;
  for (;;) {
    if (result === undefined) return { at, references, bad: "BadUnexpectedError" };
    references.push(...(result.references ?? []));
    if (qualityOf(result.statusCode) === "bad") return { at, references, bad: statusName(result.statusCode) };
    const point: Buffer | null | undefined = result.continuationPoint;
    if (!point || point.length === 0) return { at, references };
    result = await next(point, options, signal);
  }
}

async function next(
  point: Buffer,
  { session }: ReferencesOptions,
  signal: AbortSignal,
): Promise<BrowseResult | undefined> {
  const request = new BrowseNextRequest({ continuationPoints: [point], releaseContinuationPoints: false });
  const { results } = await session.request<BrowseNextResponse>(request, { signal });
  return results?.[0];
}

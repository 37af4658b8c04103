import { coerceNodeId, NodeId } from "node-opcua-nodeid";
import {
  BrowseNextRequest,
  BrowseRequest,
  type BrowseNextResponse,
  type BrowseResponse,
  type ReferenceDescription,
} from "node-opcua-types";
import { GatewayError, type BrowsedTag, type BrowseOptions } from "../../src/adapter-kit/index.ts";
import { describeVariables, type DescribeOptions, type Found } from "./described.ts";
import { inBatches, type Limits } from "./limits.ts";
import type { Session } from "./session.ts";

const hierarchical = coerceNodeId("i=33");
const hasProperty = "ns=0;i=46";
/** Diagnostics of the server itself: seen only where somebody begins there. */
const server = "ns=0;i=2253";
const classes = { object: 1, variable: 2, method: 4 } as const;

export interface BrowserOptions extends DescribeOptions {
  readonly session: Session;
  readonly limits: Limits;
}

/** Walks the address space level by level; each node once, by whichever way it is found first. */
export async function* browse(
  { from = "i=85", depth = Number.POSITIVE_INFINITY }: BrowseOptions,
  options: BrowserOptions,
  signal: AbortSignal,
): AsyncGenerator<BrowsedTag> {
  const { space } = options;
  const [start] = from.startsWith("/") ? await space.translate([from], signal) : [space.nodeId(from)];
  if (start === undefined || "bad" in start) {
    throw new GatewayError(
      "DEVICE_REJECTED",
      `The server does not know ${from} (${start?.bad ?? "BadNoMatch"}).`,
    );
  }
  const seen = new Set([start.id.toString(), server]);
  let level: readonly Found[] = [{ id: start.id, path: [], nodeClass: classes.object, parent: start.id }];
  for (let deep = 0; deep < depth && level.length > 0; deep += 1) {
    const found = await below(level, seen, options, signal);
    yield* await describeVariables(
      found.filter(({ nodeClass }) => nodeClass === classes.variable),
      options,
      signal,
    );
    for (const place of found) if (place.nodeClass === classes.method) yield methodOf(place, options);
    level = found.filter(({ nodeClass }) => nodeClass !== classes.method);
  }
}

async function below(
  level: readonly Found[],
  seen: Set<string>,
  options: BrowserOptions,
  signal: AbortSignal,
): Promise<Found[]> {
  const pages = await inBatches(level, options.limits.browse, async (batch) => {
    const request = new BrowseRequest({
      requestedMaxReferencesPerNode: 1_000,
      nodesToBrowse: batch.map(({ id }) => ({
        nodeId: id,
        browseDirection: 0,
        referenceTypeId: hierarchical,
        includeSubtypes: true,
        nodeClassMask: classes.object | classes.variable | classes.method,
        resultMask: 63,
      })),
    });
    const { results } = await options.session.request<BrowseResponse>(request, { signal });
    return Promise.all(
      batch.map(async (at, index) => {
        const result = results?.[index];
        const rest = await following(result?.continuationPoint, options, signal);
        return { at, references: [...(result?.references ?? []), ...rest] };
      }),
    );
  });
  return pages.flatMap(({ at, references }) => references.flatMap((one) => placeOf(one, at, seen)));
}

/** What did not fit into one answer (OPC UA Part 4 §5.9.3). */
async function following(
  point: Buffer | null | undefined,
  { session }: BrowserOptions,
  signal: AbortSignal,
): Promise<ReferenceDescription[]> {
  const all: ReferenceDescription[] = [];
  let at = point;
  while (at && at.length > 0) {
    const request = new BrowseNextRequest({ continuationPoints: [at], releaseContinuationPoints: false });
    const { results } = await session.request<BrowseNextResponse>(request, { signal });
    all.push(...(results?.[0]?.references ?? []));
    at = results?.[0]?.continuationPoint;
  }
  return all;
}

function placeOf(
  { nodeId, browseName, nodeClass, referenceTypeId }: ReferenceDescription,
  at: Found,
  seen: Set<string>,
): Found[] {
  const id = new NodeId(nodeId.identifierType, nodeId.value, nodeId.namespace);
  const key = id.toString();
  // Properties say something about their node; they are no tags.
  if (referenceTypeId.toString() === hasProperty || seen.has(key)) return [];
  seen.add(key);
  const segment = (browseName.name ?? "").replaceAll(/[^A-Za-z0-9_-]+/g, "-").replaceAll(/^-+|-+$/g, "");
  return [{ id, path: [...at.path, segment === "" ? "node" : segment], nodeClass, parent: at.id }];
}

function methodOf({ id, path, parent }: Found, { space }: BrowserOptions): BrowsedTag {
  const entry = { object: space.address(parent), method: space.address(id), write: {} };
  return { name: path.join("/"), entry, writable: true };
}

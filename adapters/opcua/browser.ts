import { NodeId } from "node-opcua-nodeid";
import type { ReferenceDescription } from "node-opcua-types";
import { GatewayError, type BrowsedTag, type BrowseOptions } from "../../src/adapter-kit/index.ts";
import { describeVariables, type DescribeOptions, type Found } from "./described.ts";
import type { Limits } from "./limits.ts";
import { referencesBelow } from "./references.ts";
import type { Session } from "./session.ts";

const hasProperty = "ns=0;i=46";
/** Diagnostics of the server itself: seen only where somebody begins there. */
const server = "ns=0;i=2253";
const classes = { object: 1, variable: 2, method: 4 } as const;

/** What was met already. */
interface Seen {
  readonly ids: Set<string>;
  /** Tag names. */
  readonly names: Set<string>;
}

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
  const seen: Seen = { ids: new Set([start.id.toString(), server]), names: new Set() };
  let level: readonly Found[] = [{ id: start.id, path: [], nodeClass: classes.object, parent: start.id }];
  for (let deep = 0; deep < depth && level.length > 0; deep += 1) {
    const below = await referencesBelow(level, options, signal);
    const found = below.flatMap(({ at, references }) => references.flatMap((one) => placeOf(one, at, seen)));
    yield* await describeVariables(
      found.filter(({ nodeClass }) => nodeClass === classes.variable),
      options,
      signal,
    );
    for (const place of found) if (place.nodeClass === classes.method) yield methodOf(place, options);
    for (const { at, bad } of below) {
      if (bad === undefined) continue;
      if (at.path.length === 0) throw unlisted(from, bad);
      yield hiddenBelow(at, bad, options);
    }
    level = found.filter(({ nodeClass }) => nodeClass !== classes.method);
  }
}

/** What the server does not list is said, not passed over. */
function hiddenBelow({ id, path }: Found, status: string, { space }: BrowserOptions): BrowsedTag {
  const description = "the server does not list what lies below it";
  return { name: path.join("/"), entry: { node: space.address(id) }, writable: false, status, description };
}

function unlisted(from: string, status: string): GatewayError {
  return new GatewayError(
    "DEVICE_REJECTED",
    `The server does not list what lies below ${from} (${status}).`,
    {
      context: { status },
    },
  );
}

function placeOf(
  { nodeId, browseName, nodeClass, referenceTypeId }: ReferenceDescription,
  at: Found,
  seen: Seen,
): Found[] {
  const id = new NodeId(nodeId.identifierType, nodeId.value, nodeId.namespace);
  const key = id.toString();
  // Properties say something about their node; they are no tags.
  if (referenceTypeId.toString() === hasProperty || seen.ids.has(key)) return [];
  seen.ids.add(key);
  const segment = (browseName.name ?? "").replaceAll(/[^A-Za-z0-9_-]+/g, "-").replaceAll(/^-+|-+$/g, "");
  const path = freePath(at.path, segment === "" ? "node" : segment, seen.names);
  return [{ id, path, nodeClass, parent: at.id }];
}

/** Names in several namespaces, or with other characters in them, may come to the same; replies go to `reply`. */
function freePath(above: readonly string[], segment: string, taken: Set<string>): readonly string[] {
  let path = [...above, segment];
  for (let number = 2; taken.has(path.join("/")) || path.at(-1) === "reply"; number += 1)
    path = [...above, `${segment}-${number}`];
  taken.add(path.join("/"));
  return path;
}

function methodOf({ id, path, parent }: Found, { space }: BrowserOptions): BrowsedTag {
  const entry = { object: space.address(parent), method: space.address(id), write: {} };
  return { name: path.join("/"), entry, writable: true };
}

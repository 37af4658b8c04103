import { nearestName, type Diagnosis, type Sample } from "../../src/adapter-kit/index.ts";
import { browse, type BrowserOptions } from "./browser.ts";
import type { OpcuaDevice, OpcuaTag } from "./mapping.ts";
import { isUnstable, parseNodeAddress } from "./node-address.ts";

/** The most nodes that are looked at for one that was perhaps meant. */
const mostNodes = 2_000;

/** Says of bad tags what is probably wrong with them. */
export async function diagnose(
  bad: readonly Sample[],
  device: OpcuaDevice,
  options: BrowserOptions,
  signal: AbortSignal,
): Promise<readonly Diagnosis[]> {
  let nodes: readonly string[] | undefined;
  const diagnoses: Diagnosis[] = [];
  for (const { tag, status } of bad) {
    const mapped = device.tags.find(({ name }) => name === tag);
    if (mapped === undefined || status === undefined) continue;
    const unknown = /^Bad(NodeIdUnknown|NoMatch|NodeIdInvalid)$/.test(status);
    const namespace = unknown ? namespaceDiagnosis(mapped, options.space.namespaces) : undefined;
    if (unknown && namespace === undefined) nodes ??= await nodesOf(options, signal);
    const text = unknown ? (namespace ?? nearestDiagnosis(mapped, nodes ?? [])) : statusDiagnosis(status);
    if (text !== undefined) diagnoses.push({ tag, text });
  }
  return diagnoses;
}

/** A namespace that the server does not have: nothing in it can be found. */
function namespaceDiagnosis({ options }: OpcuaTag, namespaces: readonly string[]): string | undefined {
  const address = parseNodeAddress(options.node ?? options.method ?? "");
  if (address === undefined) return undefined;
  const { namespace } = address;
  const own = namespaces.slice(1);
  if ("uri" in namespace) {
    if (namespaces.includes(namespace.uri)) return undefined;
    const meant = nearestName(namespace.uri, own);
    const has = `The server has no namespace ${namespace.uri}; it has ${own.join(", ")}.`;
    return meant === undefined ? has : `${has} Perhaps ${meant} is meant.`;
  }
  if (namespace.index < namespaces.length) return undefined;
  return `The server has no namespace ${namespace.index}; it has 0 to ${namespaces.length - 1}. Name it by its URI: an index changes.`;
}

function nearestDiagnosis({ options }: OpcuaTag, nodes: readonly string[]): string {
  const wanted = options.node ?? options.path ?? options.method ?? "";
  const meant = nearestName(wanted, nodes);
  const address = parseNodeAddress(wanted);
  const unstable = address !== undefined && isUnstable(address.namespace);
  const hint = unstable
    ? " Its namespace stands there by index, which changes: name it by its URI (nsu=)."
    : "";
  const near = meant === undefined ? "Browse the server for what it has." : `Perhaps ${meant} is meant.`;
  return `The server does not know ${wanted}. ${near}${hint}`;
}

function statusDiagnosis(status: string): string | undefined {
  switch (status) {
    case "BadTypeMismatch":
      return "The server sends a value that is not of the type in the mapping: leave `type` out to see what comes.";
    case "BadUserAccessDenied":
    case "BadNotReadable":
      return "The gateway's user may not read this node: check its rights on the server.";
    case "BadAttributeIdInvalid":
      return "The node is no variable: an object or a folder has no value.";
    case "BadWaitingForInitialData":
    case "BadNoCommunication":
    case "BadNotConnected":
      return "The server knows the node and has no value for it: look at what the server gets it from.";
    default:
      return undefined;
  }
}

async function nodesOf(options: BrowserOptions, signal: AbortSignal): Promise<string[]> {
  const nodes: string[] = [];
  for await (const { entry } of browse({ depth: 6 }, options, signal)) {
    const node = entry["node"] ?? entry["method"];
    if (typeof node === "string") nodes.push(node);
    if (nodes.length >= mostNodes) break;
  }
  return nodes;
}

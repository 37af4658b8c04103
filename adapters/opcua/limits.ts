import { coerceNodeId } from "node-opcua-nodeid";
import { ReadRequest, type ReadResponse } from "node-opcua-types";
import { ServiceFaultError } from "./channel.ts";
import type { Session } from "./session.ts";
import { qualityOf } from "./status.ts";

/** Where the server sets no limit, or does not say: few round trips, and small enough for most. */
const unlimited = 500;

/** Server/ServerCapabilities/OperationLimits, OPC UA Part 5 §6.3.11. */
const nodes = { read: "i=11705", browse: "i=11710", translate: "i=11712", monitor: "i=11714" } as const;

/** What is asked of many nodes in one call. */
export type Service = keyof typeof nodes;

/** How much the server takes in one call; not every server says so, and some say more than they take. */
export class Limits {
  readonly #sizes: Record<Service, number>;

  constructor(sizes: Readonly<Record<Service, number>>) {
    this.#sizes = { ...sizes };
  }

  of(service: Service): number {
    return this.#sizes[service];
  }

  /** For as long as the connection lasts. */
  lower(service: Service, size: number): void {
    this.#sizes[service] = Math.max(1, Math.min(size, this.#sizes[service]));
  }
}

/** Asks for each limit on its own: a server may allow one node a read. */
export async function readLimits(session: Session, signal: AbortSignal): Promise<Limits> {
  const asked = Object.entries(nodes).map(
    async ([service, node]) => [service, await limitOf(node, session, signal)] as const,
  );
  return new Limits(Object.fromEntries(await Promise.all(asked)) as Record<Service, number>);
}

async function limitOf(node: string, session: Session, signal: AbortSignal): Promise<number> {
  const request = new ReadRequest({ nodesToRead: [{ nodeId: coerceNodeId(node), attributeId: 13 }] });
  try {
    const { results } = await session.request<ReadResponse>(request, { signal });
    const data = results?.[0];
    const limit: unknown = data && qualityOf(data.statusCode) === "good" ? data.value?.value : 0;
    return typeof limit === "number" && limit > 0 ? Math.min(limit, unlimited) : unlimited;
  } catch (caught) {
    if (!(caught instanceof ServiceFaultError)) throw caught;
    return unlimited;
  }
}

import { ServiceFaultError } from "./channel.ts";
import type { Limits, Service } from "./limits.ts";

export interface Batching<In, Out> {
  readonly limits: Limits;
  readonly service: Service;
  /** One result each, in order. */
  call(this: void, batch: In[]): Promise<readonly Out[]>;
  /** What stands for one that the server has no answer for, even where it is asked for alone. */
  refused(this: void, one: In, status: string): Out;
}

/** About the session or the connection: nothing that smaller requests would mend. */
const ofConnection =
  /^Bad(Session|SecureChannel|Security|Tcp|Subscription|NoSubscription|Identity|Certificate|Connection|Communication|Disconnect|NotConnected|Timeout|RequestTimeout|Shutdown|Server)/;

/** True for faults that are the session's or the connection's, whatever was asked. */
export function isOfConnection(status: string): boolean {
  return ofConnection.test(status);
}

/** About the service as a whole: each one alone would be refused likewise. */
const ofService = /^Bad(ServiceUnsupported|RequestTypeInvalid|NotImplemented|UserAccessDenied)$/;
/** The request was for too much. */
const tooMuch = /^Bad(TooManyOperations|EncodingLimitsExceeded|RequestTooLarge|ResponseTooLarge)$/;
/** So many faults, with nothing answered between them, and the server is taken for one that does not do this at all. */
const mostFruitless = 128;

interface Block {
  readonly start: number;
  readonly length: number;
  readonly half?: Halved | undefined;
}

/** A block that was too much for the server, and how much of it came through in halves. */
interface Halved {
  readonly length: number;
  passed: number;
}

/**
 * Runs a call on slices that the server takes, one after the other, and joins what they give. A slice that the server
 * answers with a ServiceFault is halved until the fault is one node's alone: that one is refused, no other. So n nodes cost
 * fewer than 2n requests, however many are at fault. Rejects where the fault is the session's or the connection's.
 */
export async function inBatches<In, Out>(
  all: readonly In[],
  { limits, service, call, refused }: Batching<In, Out>,
): Promise<Out[]> {
  const results: Out[] = [];
  const settle = ({ start, length }: Block, resultOf: (one: In, index: number) => Out) => {
    for (const [index, one] of all.slice(start, start + length).entries())
      results[start + index] = resultOf(one, index);
  };
  const blocks: Block[] = slices({ start: 0, length: all.length }, limits.of(service));
  let fruitless: number | undefined = 0;
  // The halves of what failed stand behind what was not asked yet: whole slices come through first.
  for (const block of blocks) {
    const size = limits.of(service);
    if (block.length > size) {
      blocks.push(...slices(block, size));
      continue;
    }
    try {
      const got = await call(all.slice(block.start, block.start + block.length));
      settle(block, (one, index) => got[index] ?? refused(one, "BadUnexpectedError"));
      fruitless = undefined;
      if (block.half !== undefined) learn(block.half, block.length, limits, service);
    } catch (caught) {
      if (!(caught instanceof ServiceFaultError) || isOfConnection(caught.status)) throw caught;
      const { status } = caught;
      if (fruitless !== undefined) fruitless += 1;
      if (block.length === 1 || ofService.test(status) || (fruitless ?? 0) > mostFruitless) {
        settle(block, (one) => refused(one, status));
        continue;
      }
      const length = Math.ceil(block.length / 2);
      if (status === "BadTooManyOperations") limits.lower(service, length);
      blocks.push(...slices({ ...block, half: halvedBy(status, block) }, length));
    }
  }
  return results;
}

function halvedBy(status: string, { length }: Block): Halved | undefined {
  return tooMuch.test(status) ? { length, passed: 0 } : undefined;
}

/** Both halves of what was too much came through: it was the number, not one large value among them. */
function learn(half: Halved, length: number, limits: Limits, service: Service): void {
  half.passed += length;
  if (half.passed === half.length) limits.lower(service, Math.ceil(half.length / 2));
}

function slices({ start, length, half }: Block, size: number): Block[] {
  const count = Math.ceil(length / size);
  return Array.from({ length: count }, (_none, index) => ({
    start: start + index * size,
    length: Math.min(size, length - index * size),
    half,
  }));
}

import { firstHeader, numberHeader } from "../../store/outbox-header.ts";

/** Who sent a message and which one it is, as its headers say. */
export interface MessageIdentity {
  readonly gateway: string;
  /** Of the gateway's state store, and of its run: in one of them no number comes twice. */
  readonly epoch: string;
  readonly run: string;
  /** Over both streams of the gateway; undefined where the message does not say. */
  readonly number: number | undefined;
  /** The first number of its epoch where the message says that; undefined: 1. */
  readonly begin: number | undefined;
  /** Of BATCHES: which one it is of its batch stream. */
  readonly batch?: { readonly stream: string; readonly number: number };
}

type Header = (name: string) => string;

/** What the headers say; undefined where they are not those of a gateway's outbox. Absent headers are empty. */
export function identityOf(header: Header): MessageIdentity | undefined {
  const [, gateway, epoch = "", run = "", rest = ""] =
    /^([A-Za-z0-9_-]+):([^:-]+)(?:-([^:]+))?:(.+)$/.exec(header("Nats-Msg-Id")) ?? [];
  if (gateway === undefined) return undefined;
  const number = wholeNumber(header(numberHeader)) ?? wholeNumber(rest);
  const begin = wholeNumber(header(firstHeader));
  const stream = header("Linegate-Stream");
  const batch = wholeNumber(header("Linegate-Batch"));
  if (stream === "" || batch === undefined) return { gateway, epoch, run, number, begin };
  // A batch's epoch is that of its numbers.
  const ofBatch = { epoch: header("Linegate-Epoch") || epoch, batch: { stream, number: batch } };
  return { gateway, run, number, begin, ...ofBatch };
}

function wholeNumber(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** What JetStream answers to a publish. */
export interface PubAck {
  /** Which stream has taken it. */
  readonly stream?: string;
  readonly seq?: number;
  readonly duplicate?: boolean;
  readonly error?: { readonly err_code?: number; readonly description?: string };
}

/** Undefined where nobody was there to answer: that comes with no payload. */
export function readPubAck(data: Uint8Array): PubAck | undefined {
  try {
    return JSON.parse(Buffer.from(data).toString("utf8")) as PubAck;
  } catch {
    return undefined;
  }
}

/** One part of a multipart body. */
export interface Part {
  /** In lower case, without parameters; empty where it says none. */
  readonly contentType: string;
  /** A view into the body. */
  readonly body: Buffer;
}

/** Cameras send a result and an image or a few. */
const mostParts = 32;
const mostHeaderBytes = 8_192;

/** The boundary in a header `Content-Type: multipart/…; boundary=…`. RFC 2046 §5.1.1 */
export function boundaryOf(contentType: string): string | undefined {
  const [, inQuotes, bare] = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType) ?? [];
  return inQuotes ?? bare;
}

/**
 * The parts of a multipart body of any kind (form-data, mixed, related); undefined where it is none, is cut off, or holds
 * too many. The whole body is in memory anyway, within its limit: the parts are views into it.
 */
export function partsOf(body: Buffer, boundary: string): Part[] | undefined {
  const delimiter = Buffer.from(`--${boundary}`);
  const parts: Part[] = [];
  let at = body.indexOf(delimiter);
  while (at >= 0) {
    const start = at + delimiter.length;
    // The last delimiter has two hyphens more.
    if (body.subarray(start, start + 2).toString("latin1") === "--") return parts;
    const next = nextDelimiter(body, delimiter, start);
    const lineEnd = body.indexOf("\n", start);
    if (next < 0 || lineEnd < 0 || lineEnd > next || parts.length === mostParts) return undefined;
    const part = partOf(body.subarray(lineEnd + 1, next));
    if (part === undefined) return undefined;
    parts.push(part);
    at = body.indexOf(delimiter, next);
  }
  return undefined;
}

/** Where the line end before the next delimiter begins: it belongs to the delimiter. */
function nextDelimiter(body: Buffer, delimiter: Buffer, from: number): number {
  const next = body.indexOf(Buffer.concat([Buffer.from("\n"), delimiter]), from);
  return next > 0 && body[next - 1] === 0x0d ? next - 1 : next;
}

function partOf(part: Buffer): Part | undefined {
  const bare = part.subarray(0, 2).toString("latin1");
  if (bare === "\r\n" || bare.startsWith("\n")) {
    return { contentType: "", body: part.subarray(bare === "\r\n" ? 2 : 1) };
  }
  const crlf = part.subarray(0, mostHeaderBytes).indexOf("\r\n\r\n");
  const end = crlf >= 0 ? crlf : part.subarray(0, mostHeaderBytes).indexOf("\n\n");
  if (end < 0) return undefined;
  const header = part.subarray(0, end).toString("utf8");
  const contentType = /^content-type:\s*([^;\r\n]*)/im.exec(header)?.[1] ?? "";
  return { contentType: contentType.trim().toLowerCase(), body: part.subarray(end + (crlf >= 0 ? 4 : 2)) };
}

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
  const first = body.indexOf(`--${boundary}`);
  if (first < 0) return undefined;
  // Lines end as the first delimiter's does: CRLF, or with some cameras a bare LF. What ends in the other way is content.
  const lineEnd = body.indexOf("\n", first);
  const eol = lineEnd > 0 && body[lineEnd - 1] === 0x0d ? "\r\n" : "\n";
  const delimiter = Buffer.from(`${eol}--${boundary}`);
  const parts: Part[] = [];
  for (let at = first + delimiter.length - eol.length; ;) {
    // The last delimiter has two hyphens more.
    if (body.subarray(at, at + 2).toString("latin1") === "--") return parts;
    const start = body.indexOf(eol, at);
    const next = start < 0 ? -1 : body.indexOf(delimiter, start);
    // The line end before a delimiter is the delimiter's own: it may be that of the header's last line as well.
    const part = next < 0 ? undefined : partOf(body.subarray(Math.min(start + eol.length, next), next), eol);
    if (part === undefined || parts.length === mostParts) return undefined;
    parts.push(part);
    at = next + delimiter.length;
  }
}

function partOf(part: Buffer, eol: string): Part | undefined {
  if (part.subarray(0, eol.length).equals(Buffer.from(eol))) {
    return { contentType: "", body: part.subarray(eol.length) };
  }
  const end = part.subarray(0, mostHeaderBytes).indexOf(`${eol}${eol}`);
  if (end < 0) return undefined;
  const header = part.subarray(0, end).toString("utf8");
  const contentType = /^content-type:\s*([^;\r\n]*)/im.exec(header)?.[1] ?? "";
  return { contentType: contentType.trim().toLowerCase(), body: part.subarray(end + 2 * eol.length) };
}

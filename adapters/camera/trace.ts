/** What is kept of a text at most; an image is known by its beginning. */
const mostText = 65_536;
const mostBinary = 64;

/** A message as it is kept for looking at: headers first, then so much of the body as is worth keeping, then a note. */
export function traced(head: readonly string[], body: Uint8Array, binary: boolean): Uint8Array {
  const most = binary ? mostBinary : mostText;
  const cut = body.length - most;
  const note = cut > 0 ? `\r\n… ${cut} of ${body.length} bytes left out` : "";
  const lead = head.length === 0 ? "" : `${head.join("\r\n")}\r\n\r\n`;
  return Buffer.concat([Buffer.from(lead), body.subarray(0, most), Buffer.from(note)]);
}

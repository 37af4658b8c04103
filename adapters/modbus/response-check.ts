/**
 * Compares an answer with its request, both as unit id and PDU; says what does not fit. None of the bytes of an answer
 * that fails here may become a value.
 * Modbus V1.1b3 §6, §7.
 */
export function misfit(request: Buffer, response: Buffer): string | undefined {
  if (response[0] !== request[0]) return `unit id ${response[0]} in the answer to unit ${request[0]}`;
  const asked = request[1] ?? 0;
  const answered = response[1] ?? 0;
  if (answered === (asked | 0x80)) {
    return response.length === 3 ? undefined : `an exception of ${response.length - 1} bytes`;
  }
  if (answered !== asked) return `function code ${answered} in the answer to ${asked}`;
  if (asked === 8) return response.equals(request) ? undefined : "a loopback of other data";
  return asked <= 4 ? readMisfit(request, response) : writeMisfit(request, response);
}

function readMisfit(request: Buffer, response: Buffer): string | undefined {
  const quantity = request.readUInt16BE(4);
  const isBits = (request[1] ?? 0) <= 2;
  const bytes = isBits ? Math.ceil(quantity / 8) : quantity * 2;
  if (response[2] !== bytes) return `byte count ${response[2]} where ${bytes} were asked for`;
  return response.length === 3 + bytes
    ? undefined
    : `${response.length - 3} bytes of data where ${bytes} belong`;
}

/** Writes echo the address, and the quantity where there is one; values are left to the read-back. */
function writeMisfit(request: Buffer, response: Buffer): string | undefined {
  const length = request[1] === 22 ? 8 : 6;
  if (response.length !== length) return `an echo of ${response.length - 1} bytes`;
  const echoed = request[1] === 15 || request[1] === 16 ? 6 : 4;
  return response.subarray(2, echoed).equals(request.subarray(2, echoed))
    ? undefined
    : "the echo of another address";
}

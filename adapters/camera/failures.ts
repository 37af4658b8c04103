import { GatewayError } from "../../src/adapter-kit/index.ts";

/** Certificates that are refused, as Node names the reasons. */
const certificateCodes =
  /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|CERT_|ERR_TLS_CERT|ERR_SSL_)/;

/** A camera without the part of its URL that may hold a token. */
export function placeOf(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** Why a request or a connection failed below HTTP, for an operator. */
export function connectionFailure(caught: unknown, url: URL): GatewayError {
  const code = codeOf(caught);
  const place = placeOf(url);
  const make = (kind: "DEVICE_UNREACHABLE" | "DEVICE_REJECTED" | "PROTOCOL_VIOLATION", text: string) =>
    new GatewayError(kind, text, {
      cause: caught,
      context: { url: place, ...(code === "" ? {} : { reason: code }) },
    });
  if (code === "ECONNREFUSED") {
    return make(
      "DEVICE_UNREACHABLE",
      `Nobody listens at ${url.host}. Check that the camera is on, its address, and the port in the url.`,
    );
  }
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
    return make(
      "DEVICE_UNREACHABLE",
      `The name ${url.hostname} is not known. Check its spelling and the DNS server, or give the address in numbers.`,
    );
  }
  if (code === "EPROTO" || code === "ERR_SSL_WRONG_VERSION_NUMBER") {
    return make(
      "PROTOCOL_VIOLATION",
      `${url.host} does not speak TLS. Check the port, or write http or ws in place of https or wss.`,
    );
  }
  if (certificateCodes.test(code)) {
    return make(
      "DEVICE_REJECTED",
      `The certificate of ${url.host} is not trusted (${code}). Give the file of its authority as tls.ca, check the name in the url and the clock; tls.insecure takes any certificate.`,
    );
  }
  if (code.startsWith("HPE_")) {
    return make(
      "PROTOCOL_VIOLATION",
      `${url.host} does not answer as HTTP does (${code}). Check the port, and whether the camera wants https.`,
    );
  }
  const why = caught instanceof Error ? caught.message : String(caught);
  return make(
    "DEVICE_UNREACHABLE",
    `The connection to ${url.host} failed: ${why}. Check the camera's power, its cable and its network.`,
  );
}

/** What an HTTP status says that is no answer; undefined for one that is. */
export function statusFailure(status: number, url: URL, location?: string): GatewayError | undefined {
  if ((status >= 200 && status < 300) || status === 304) return undefined;
  const place = placeOf(url);
  const make = (text: string) =>
    new GatewayError("DEVICE_REJECTED", text, { context: { url: place, httpStatus: status } });
  if (status === 401 || status === 403) {
    return make(
      `${url.host} refuses the gateway (${status}). Check auth: the scheme, the user and the password, and that this user may read ${url.pathname}.`,
    );
  }
  if (status === 404 || status === 410) {
    return make(
      `${url.host} has nothing at ${url.pathname} (${status}). Check the path against the camera's manual.`,
    );
  }
  if (status >= 300 && status < 400) {
    const to = location === undefined ? "elsewhere" : `to ${location.split("?")[0]}`;
    return make(
      `${place} sends the gateway ${to} (${status}). Redirects are not followed: put the final address there.`,
    );
  }
  const text = `${place} answers ${status}. ${status >= 500 ? "The camera has a fault of its own: look at its log, restart it." : "Check the url against the camera's manual."}`;
  return status >= 500
    ? new GatewayError("PROTOCOL_VIOLATION", text, { context: { url: place, httpStatus: status } })
    : make(text);
}

export function timedOut(url: URL, timeoutMs: number): GatewayError {
  return new GatewayError(
    "DEVICE_TIMEOUT",
    `${placeOf(url)} did not answer within ${timeoutMs} ms. Check the camera's load and its network, or allow more with \`timeout\`.`,
    { context: { url: placeOf(url) } },
  );
}

export function tooLarge(url: URL, maxBytes: number): GatewayError {
  return new GatewayError(
    "PROTOCOL_VIOLATION",
    `${placeOf(url)} answers with more than ${maxBytes} bytes. Check the url, or allow more with \`maxBytes\`.`,
    { context: { url: placeOf(url), status: "PayloadTooLarge" } },
  );
}

export function notJson(place: string, bytes: Uint8Array): GatewayError {
  const begin = JSON.stringify(
    Buffer.from(bytes.subarray(0, 40))
      .toString("latin1")
      .replaceAll(/[^ -~]/g, "?"),
  );
  return new GatewayError(
    "PROTOCOL_VIOLATION",
    `What comes from ${place} is no JSON; it begins ${begin}. Check the url: a web page is no result.`,
    { context: { place } },
  );
}

function codeOf(caught: unknown): string {
  if (typeof caught !== "object" || caught === null) return "";
  const { code, errors } = caught as { readonly code?: unknown; readonly errors?: readonly unknown[] };
  // A name with several addresses fails with one error for each of them.
  if (typeof code === "string" && code !== "") return code;
  return errors?.[0] === undefined ? "" : codeOf(errors[0]);
}

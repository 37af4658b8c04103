import { GatewayError } from "../domain/errors.ts";

const longestText = 200;

/** The fields of a request in JSON. @param expected ends the sentence that says what is wrong. Throws WRITE_REFUSED. */
export function readFields(payload: Uint8Array, expected: string): ReadonlyMap<string, unknown> {
  let request: unknown;
  try {
    request = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch (cause) {
    throw new GatewayError("WRITE_REFUSED", `The request is not JSON: ${expected}.`, { cause });
  }
  if (typeof request !== "object" || request === null || Array.isArray(request))
    throw new GatewayError("WRITE_REFUSED", `The request is not an object: ${expected}.`);
  return new Map(Object.entries(request));
}

/** A text of a request that must be there. Throws WRITE_REFUSED. */
export function textField(value: unknown, name: string, expected: string): string {
  if (typeof value === "string" && value.trim() !== "" && value.length <= longestText) return value;
  const what = typeof value === "string" ? howWrong(value) : "is no text";
  throw new GatewayError("WRITE_REFUSED", `The request's ${JSON.stringify(name)} ${what}: ${expected}.`);
}

function howWrong(text: string): string {
  return text.trim() === "" ? "is blank" : `is longer than ${longestText} characters`;
}

/** A text of a request that may be there. Throws WRITE_REFUSED. */
export function optionalText<Name extends string>(
  value: unknown,
  name: Name,
  expected: string,
): { readonly [key in Name]?: string } {
  if (value === undefined) return {};
  return { [name]: textField(value, name, expected) } as { [key in Name]: string };
}

import { GatewayError } from "../domain/errors.ts";

/** A number from the command line that is not negative, where it is given; throws CONFIG_INVALID for anything else. */
export function numberArgument(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value >= 0) return value;
  throw new GatewayError("CONFIG_INVALID", `${name}: expected a number, found "${text}"`);
}

import { parseArgs } from "node:util";
import { hash } from "bcrypt";
import { GatewayError } from "../domain/errors.ts";
import { isSegment, segmentForm } from "../domain/tag-path.ts";
import { readSecret } from "./read-secret.ts";

const usage = `linegate passwd [NAME]

Asks for a password, or reads the first line of stdin where that is no terminal, and prints its bcrypt hash: with a NAME
as a user's entry for gateway.yaml.`;

/** 2¹⁰ rounds: some 60 ms for each login on a small appliance, and the least that is advised today. */
const rounds = 10;
/** bcrypt takes no more of a password into account, and says nothing about the rest. */
const mostBytes = 72;

/** `linegate passwd [NAME]`: a password's hash, as a user's entry in gateway.yaml. The password itself is not kept. */
export async function run(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { help: { type: "boolean", short: "h" } },
    allowPositionals: true,
  });
  if (values.help === true) {
    console.log(usage);
    return 0;
  }
  const name = positionals[0];
  if (name !== undefined && !isSegment(name)) {
    throw new GatewayError("CONFIG_INVALID", `A user's name is made of ${segmentForm}.`);
  }
  const password = await readSecret(process.stdin, process.stderr, "Password: ");
  if (process.stdin.isTTY && (await readSecret(process.stdin, process.stderr, "Once more: ")) !== password) {
    throw new GatewayError("CONFIG_INVALID", "The two passwords are not the same.");
  }
  if (password === "" || Buffer.byteLength(password) > mostBytes || password.includes("\0")) {
    throw new GatewayError("CONFIG_INVALID", `A password has 1 to ${mostBytes} bytes.`);
  }
  const line = `passwordHash: "${await hash(password, rounds)}"`;
  console.log(name === undefined ? line : `users:\n  ${name}:\n    ${line}`);
  return 0;
}

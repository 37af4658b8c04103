import type { ReadStream } from "node:tty";
import { GatewayError } from "../domain/errors.ts";

/** What `readSecret` reads from: a terminal or anything else. */
type Input = Pick<ReadStream, "on" | "off" | "setEncoding" | "resume" | "pause"> &
  Partial<Pick<ReadStream, "isTTY" | "setRawMode">>;

/** Reads one line without showing it. From a terminal with a prompt; from a pipe the first line of all that comes. */
export async function readSecret(
  input: Input,
  output: { write(text: string): unknown },
  prompt: string,
): Promise<string> {
  const terminal = input.isTTY === true;
  if (terminal) output.write(prompt);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let line = "";
  const onData = (text: string) => {
    for (const character of text) {
      if (character === "\r" || character === "\n" || character === "\u0004") return resolve(line);
      if (terminal && character === "\u0003") {
        return reject(new GatewayError("CONFIG_INVALID", "Given up: no password was read."));
      }
      const erases = terminal && (character === "\u007f" || character === "\b");
      line = erases ? Array.from(line).slice(0, -1).join("") : line + character;
    }
  };
  const onEnd = () => resolve(line);
  if (terminal) input.setRawMode?.(true);
  input.setEncoding("utf8");
  input.on("data", onData);
  input.on("end", onEnd);
  input.resume();
  try {
    return await promise;
  } finally {
    input.off("data", onData);
    input.off("end", onEnd);
    input.pause();
    if (terminal) {
      input.setRawMode?.(false);
      output.write("\n");
    }
  }
}

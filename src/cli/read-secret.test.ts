import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { readSecret } from "./read-secret.ts";

function terminal() {
  const raw: boolean[] = [];
  const shown: string[] = [];
  const stream = new PassThrough();
  const input = Object.assign(stream, {
    isTTY: true,
    setRawMode(mode: boolean) {
      raw.push(mode);
      return input;
    },
  });
  return { input: input as unknown as Parameters<typeof readSecret>[0], stream, raw, shown };
}

test("a password typed at a terminal is not shown, and can be corrected", async () => {
  const { input, stream, raw, shown } = terminal();
  const read = readSecret(input, { write: (text: string) => shown.push(text) }, "Password: ");
  for (const key of ["s", "e", "x", "\u007f", "c", "\r"]) stream.write(key);
  expect(await read).toBe("sec");
  expect(shown.join("")).toBe("Password: \n");
  expect(raw).toEqual([true, false]);
});

test("Ctrl+C gives up and leaves the terminal as it was", async () => {
  const { input, stream, raw } = terminal();
  const read = readSecret(input, { write: () => undefined }, "Password: ");
  stream.write("abc\u0003");
  await expect(read).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  expect(raw).toEqual([true, false]);
});

test("from a pipe the first line is read, whether it ends or not", async () => {
  const stream = new PassThrough();
  stream.end("no newline");
  const input = stream as unknown as Parameters<typeof readSecret>[0];
  expect(await readSecret(input, { write: () => undefined }, "")).toBe("no newline");
});

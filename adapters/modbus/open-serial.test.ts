import { expect, test } from "vitest";
import { transmitter } from "./open-serial.ts";

/** A port that notes what is done with it, in order. */
function noted(refuse?: Error) {
  const done: string[] = [];
  const port = {
    set: ({ rts }: { rts?: boolean }, callback: (error: Error | null) => void) => {
      done.push(`rts ${rts === true ? "on" : "off"}`);
      callback(refuse ?? null);
    },
    write: (bytes: Buffer) => done.push(`write ${bytes.toString("hex")}`) > 0,
    drain: (callback: (error: Error | null) => void) => {
      done.push("drain");
      callback(null);
    },
  };
  return { port, done };
}

const bytes = Buffer.from([1, 3]);

test.each([
  ["driver", ["write 0103"]],
  ["off", ["write 0103"]],
  ["while-sending", ["rts on", "write 0103", "drain", "rts off"]],
  ["while-receiving", ["rts off", "write 0103", "drain", "rts on"]],
] as const)("with rts %s a request goes out so: %j", async (rts, steps) => {
  const { port, done } = noted();
  transmitter(port, rts, () => undefined)(bytes);
  await expect.poll(() => done).toEqual(steps);
});

test("a port that has no RTS fails the connection", async () => {
  const { port } = noted(new Error("Inappropriate ioctl"));
  const failures: string[] = [];
  transmitter(port, "while-sending", (cause) => failures.push(cause.message))(bytes);
  await expect.poll(() => failures).toEqual(["Inappropriate ioctl"]);
});

import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findServer } from "./find-server.ts";
import { scratchFolder } from "./testing.ts";

test("the configured program wins over the search path", async () => {
  const [here, elsewhere] = [await program("nats-server-own"), await program("nats-server")];
  expect(await findServer(here, join(elsewhere, ".."))).toBe(here);
});

test("the search path is looked through in its order", async () => {
  const [first, second] = [await program("nats-server"), await program("nats-server")];
  expect(await findServer(undefined, `/nowhere::${join(first, "..")}:${join(second, "..")}`)).toBe(first);
});

test("a configured path that is no program says so and how to get one", async () => {
  const folder = await scratchFolder();
  await expect(findServer(folder, "/usr/bin")).rejects.toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringMatching(/nats\.embedded\.server names .* apt-get install nats-server/),
  });
});

async function program(name: string): Promise<string> {
  const path = join(await scratchFolder(), name);
  await writeFile(path, "#!/bin/sh\n");
  await chmod(path, 0o755);
  return path;
}

import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/** Below those that the system gives to whoever asks for any port (from 32768 on, on Linux): nobody who does so gets one of these. */
const first = 20_000;
const beyond = 32_768;
/** Test files that run side by side have ports of their own: each worker every so manieth, by its number. */
const workers = 16;
const worker = Number(process.env["VITEST_POOL_ID"] ?? 0) % workers;
const given = new Set<number>();

/** For tests: a port of loopback that nobody has, for what is started later, or again on the same one. No two calls get the same. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = first + workers * randomInt((beyond - first) / workers) + worker;
    if (given.has(port)) continue;
    const server = createServer().listen(port, "127.0.0.1");
    // Until one is free: that is what this loop is for.
    const isFree = await once(server, "listening").then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, "close");
    given.add(port);
    return port;
  }
}

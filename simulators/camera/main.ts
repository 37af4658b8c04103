import { writeFile } from "node:fs/promises";
import { toGatewayError } from "../../src/domain/errors.ts";
import { readArguments, usage, type Arguments } from "./arguments.ts";
import { Authority } from "./authority.ts";
import { CameraSimulator } from "./camera.ts";
import type { Gate } from "./gate.ts";
import { pictureOf } from "./picture.ts";
import { postResult } from "./push.ts";

function gateOf(auth: Arguments["auth"]): Gate | undefined {
  const account = { user: "camera", password: "camera" };
  switch (auth) {
    case undefined:
      return undefined;
    case "basic":
      return { scheme: "basic", ...account };
    case "bearer":
      return { scheme: "bearer", token: "camera" };
    case "digest-md5":
      return { scheme: "digest", algorithm: "MD5", ...account };
    case "digest-sha256":
      return { scheme: "digest", algorithm: "SHA-256", ...account };
  }
}

/** One part after the other. */
function partNumber(number: number) {
  const score = Math.round((0.9 + 0.1 * Math.sin(number)) * 1_000) / 1_000;
  const part = `P-${String(number).padStart(6, "0")}`;
  return { part, result: score > 0.83 ? "OK" : "NOK", score, time: new Date().toISOString() };
}

async function serve(options: Arguments): Promise<void> {
  let count = 1;
  let result = partNumber(count);
  const gate = gateOf(options.auth);
  const authority = options.tls === undefined ? undefined : new Authority("Simulated camera");
  if (options.tls !== undefined) await writeFile(options.tls, authority?.cert ?? "");
  const camera = await CameraSimulator.start({
    host: options.host,
    port: options.port,
    ...(gate === undefined ? {} : { gate }),
    ...(authority === undefined ? {} : { tls: authority.issue({ names: [options.host, "localhost"] }) }),
    result: (path) => (path === "/api/result" || path === "/stream" ? result : undefined),
    image: (path) => (path === "/snapshot" ? pictureOf(result.part) : undefined),
    onWrite: (path, value) => console.log(`${path}: ${JSON.stringify(value)}`),
  });
  if (options.fault !== undefined) camera.suffer(options.fault);
  console.log(`${camera.origin}/api/result  ${camera.origin}/snapshot  ws: /stream`);
  const headers: Record<string, string> =
    options.token === undefined ? {} : { authorization: `Bearer ${options.token}` };
  const timer = setInterval(() => {
    count += 1;
    result = partNumber(count);
    const image = pictureOf(result.part);
    camera.stream(result, image);
    if (options.push === undefined) return;
    postResult({ url: options.push, headers }, result, image).then(
      (status) => console.log(`${result.part}: ${status}`),
      (caught: unknown) => console.error(toGatewayError(caught).message),
    );
  }, options.every * 1_000);
  const stop = () => {
    clearInterval(timer);
    void camera.stop();
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
}

try {
  const options = readArguments(process.argv.slice(2));
  if (options.help) console.log(usage);
  else await serve(options);
} catch (caught) {
  console.error(toGatewayError(caught).message);
  process.exitCode = 1;
}

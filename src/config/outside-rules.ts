import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { resolve } from "node:path";
import type { GatewayConfig } from "./gateway-schema.ts";
import { checkHub } from "./hub-rules.ts";
import type { Mistakes, MistakeSink } from "./mistakes.ts";
import { isSound, keyPlace, sourceAt, valuePlace, type Source, type SourcePath } from "./source.ts";

/** What the rules on things outside the mapping files look at. */
export interface Surroundings {
  /** The site folder, absolute. */
  readonly dir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A pipe or a device may be readable, and yet reading it never end. */
async function isReadable(path: string): Promise<boolean> {
  return access(path, constants.R_OK)
    .then(() => stat(path))
    .then(
      (found) => found.isFile(),
      () => false,
    );
}

/** Every file, environment variable and server that `gateway.yaml` names. */
export async function checkOutside(
  source: Source,
  gateway: GatewayConfig,
  leftOut: readonly SourcePath[],
  around: Surroundings,
  mistakes: Mistakes,
): Promise<void> {
  const sound = mistakes.except(leftOut);
  if (isSound(leftOut, ["nats", "url"])) checkServer(source, gateway, leftOut, sound);
  checkHub(source, gateway, leftOut, sound);
  await Promise.all([
    ...filesNamed(gateway).map((file) => checkFile(source, file, around, sound)),
    checkSecret(source, gateway.nats.password, ["nats", "password"], around, sound),
    checkSecret(source, gateway.hub?.password, ["hub", "password"], around, sound),
  ]);
}

interface NamedFile {
  readonly path: SourcePath;
  readonly file: string;
}

function filesNamed({ broker, nats, hub }: GatewayConfig): readonly NamedFile[] {
  const tls = [
    { path: ["broker", "tls"], config: broker.tls },
    { path: ["broker", "websocket", "tls"], config: broker.websocket?.tls },
    { path: ["nats", "embedded", "tls"], config: nats.url === undefined ? nats.embedded.tls : undefined },
  ];
  const named = tls.flatMap(({ path, config }) =>
    (["cert", "key", "ca"] as const).map((key) => ({ path: [...path, key], file: config?.[key] })),
  );
  named.push(
    { path: ["nats", "ca"], file: nats.ca },
    { path: ["nats", "credentials"], file: nats.credentials },
    ...(["credentials", "ca", "cert", "key"] as const).map((key) => ({
      path: ["hub", key],
      file: hub?.[key],
    })),
  );
  return named.filter((one): one is { path: string[]; file: string } => one.file !== undefined);
}

async function checkFile(
  source: Source,
  { path, file }: NamedFile,
  around: Surroundings,
  mistakes: MistakeSink,
): Promise<void> {
  if (await isReadable(resolve(around.dir, file))) return;
  mistakes.add(valuePlace(source, path), path, {
    message: `there is no file ${JSON.stringify(file)} that can be read`,
    allowed: "a file; its path is relative to the site folder",
  });
}

/** The environment variable or the file in which a secret is. */
export async function checkSecret(
  source: Source,
  secret: string | undefined,
  path: SourcePath,
  around: Surroundings,
  mistakes: MistakeSink,
): Promise<void> {
  if (secret === undefined) return;
  const name = secret.slice(secret.indexOf(":") + 1);
  if (secret.startsWith("file:")) return checkFile(source, { path, file: name }, around, mistakes);
  if (around.env[name] !== undefined && around.env[name] !== "") return;
  mistakes.add(valuePlace(source, path), path, {
    message: `the environment variable ${name} is not set`,
    allowed: "env:NAME with NAME set where the gateway runs, or file:PATH",
  });
}

/** Keys of `nats` that only make sense with a server that somebody else runs. */
const onlyWithUrl = ["user", "password", "credentials", "ca"] as const;

function checkServer(
  source: Source,
  { nats }: GatewayConfig,
  leftOut: readonly SourcePath[],
  mistakes: MistakeSink,
): void {
  const add = (key: string, message: string, allowed: string) =>
    mistakes.add(keyPlace(source, ["nats", key]), ["nats", key], { message, allowed });
  if (nats.url === undefined) {
    for (const key of onlyWithUrl) {
      if (nats[key] === undefined) continue;
      add(
        key,
        `nats.${key} has no meaning without nats.url`,
        "nats.url beside it; the embedded server needs none",
      );
    }
    return;
  }
  if (sourceAt(source, "nats", "embedded") !== undefined) {
    add("embedded", "nats.url and nats.embedded stand together", "one of them");
  }
  const url = parseUrl(nats.url);
  if (url === undefined || !["nats:", "tls:"].includes(url.protocol)) {
    add(
      "url",
      "nats.url is not the address of a NATS server",
      "such as nats://10.0.0.5:4222 or tls://10.0.0.5:4222",
    );
  } else if (url.username !== "" || url.password !== "") {
    add("url", "nats.url holds a user or password", "nats.user, and nats.password as env:NAME or file:PATH");
  }
  const pairKnown = isSound(leftOut, ["nats", "user"]) && isSound(leftOut, ["nats", "password"]);
  if (pairKnown && (nats.user === undefined) !== (nats.password === undefined)) {
    const key = nats.user === undefined ? "password" : "user";
    add(key, `nats.${key} stands alone`, "nats.user and nats.password together");
  }
  if (nats.credentials !== undefined && nats.user !== undefined) {
    add("credentials", "nats.credentials and nats.user stand together", "one of them");
  }
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

import type { ParseArgsConfig } from "node:util";
import type { NatsConnection } from "@nats-io/transport-node";
import { dial } from "../nats/dial.ts";
import { externalTarget, type ServerLogin } from "../nats/external-target.ts";
import { readSecret as secretAt } from "../security/read-secret.ts";
import { readSecret } from "./read-secret.ts";

const dialWithinMs = 5_000;

/** Where the hub is, where nobody says. */
export const usualUrl = "nats://127.0.0.1:4222";

/** How a command reaches the hub. */
export const hubOptions = {
  user: { type: "string" },
  password: { type: "string" },
  credentials: { type: "string" },
  ca: { type: "string" },
  cert: { type: "string" },
  key: { type: "string" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsConfig["options"];

export const hubUsage = `  --user NAME        who you are at the hub; the password is asked for
  --password PLACE   where it is instead: env:NAME or file:PATH
  --credentials FILE a NATS .creds file
  --ca FILE          PEM file with the certificate authority of the hub
  --cert FILE        PEM file with your certificate, where the hub asks for one
  --key FILE         PEM file with its private key
  --json             one object for tools`;

interface HubLogin extends ServerLogin {
  /** Where the password is: `env:NAME` or `file:PATH`. */
  readonly password?: string | undefined;
}

/** Connects to the hub; a list of servers, with commas between, is tried in order. Rejects with UPLINK_UNAVAILABLE. */
export async function openHub(urls: string, login: HubLogin): Promise<NatsConnection> {
  const password = login.user === undefined ? undefined : await passwordOf(login.password);
  let problem: unknown;
  for (const url of urls.split(",")) {
    const target = await externalTarget(url.trim(), login, password, ".");
    try {
      // One server after the other: the first that answers is taken.
      return await dial(target, "linegate", dialWithinMs, new AbortController().signal);
    } catch (caught) {
      problem = caught;
    }
  }
  throw problem;
}

async function passwordOf(place: string | undefined): Promise<string> {
  if (place !== undefined) return secretAt(place, { siteDir: ".", environment: process.env });
  return readSecret(process.stdin, process.stderr, "Password: ");
}

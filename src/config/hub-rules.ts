import { leafUrls } from "../domain/leaf-urls.ts";
import type { GatewayConfig } from "./gateway-schema.ts";
import type { MistakeSink } from "./mistakes.ts";
import { isSound, keyPlace, valuePlace, type Source, type SourcePath } from "./source.ts";

/** Two keys that only have a meaning together. */
const pairs = [
  ["user", "password"],
  ["cert", "key"],
] as const;

/** Rules on the hub across its keys, and with the rest of `gateway.yaml`. */
export function checkHub(
  source: Source,
  { gateway, hub, nats }: GatewayConfig,
  leftOut: readonly SourcePath[],
  mistakes: MistakeSink,
): void {
  if (hub === undefined) return;
  const add = (key: string, message: string, allowed: string) =>
    mistakes.add(keyPlace(source, ["hub", key]), ["hub", key], { message, allowed });
  checkAddress(source, hub.leaf, mistakes);
  if (nats.url !== undefined && isSound(leftOut, ["nats", "url"])) {
    add(
      "leaf",
      "the gateway's own nats-server is what connects to the hub, and with nats.url there is none",
      "hub without nats.url; or make a leaf node of the server at nats.url",
    );
  }
  if (isSound(leftOut, ["gateway"]) && hub.domain === gateway) {
    mistakes.add(valuePlace(source, ["hub", "domain"]), ["hub", "domain"], {
      message: `${hub.domain} is the JetStream domain of this gateway itself: its name`,
      allowed: "another name for the gateway, or for the hub's domain",
    });
  }
  for (const [one, other] of pairs) {
    const known = isSound(leftOut, ["hub", one]) && isSound(leftOut, ["hub", other]);
    if (!known || (hub[one] === undefined) === (hub[other] === undefined)) continue;
    const alone = hub[one] === undefined ? other : one;
    add(alone, `hub.${alone} stands alone`, `hub.${one} and hub.${other} together`);
  }
  if (hub.credentials !== undefined && hub.user !== undefined) {
    add("credentials", "hub.credentials and hub.user stand together", "one of them");
  }
}

function checkAddress(source: Source, leaf: string, mistakes: MistakeSink): void {
  const urls = leafUrls(leaf);
  const path = ["hub", "leaf"];
  const add = (message: string, allowed: string) =>
    mistakes.add(valuePlace(source, path), path, { message, allowed });
  if (urls === undefined) {
    add(
      "hub.leaf is not the address of a leaf node listener",
      "such as nats-leaf://hub.example:7422, or tls://hub.example:7422 to insist on TLS",
    );
  } else if (urls.some(({ username, password }) => username !== "" || password !== "")) {
    add("hub.leaf holds a user or password", "hub.user, and hub.password as env:NAME or file:PATH");
  }
}

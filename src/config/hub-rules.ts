import { clientUrls, leafUrls } from "../domain/leaf-urls.ts";
import { isTopicFilter } from "../domain/topic-filter.ts";
import type { GatewayConfig, HubConfig } from "./gateway-schema.ts";
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
  const known = isSound(leftOut, ["hub", "leaf"]) && isSound(leftOut, ["hub", "url"]);
  if (known && (hub.leaf === undefined) === (hub.url === undefined)) {
    mistakes.add(keyPlace(source, ["hub"]), ["hub"], {
      message:
        hub.leaf === undefined ? "it is not said where the hub is" : "hub.leaf and hub.url stand together",
      allowed:
        "hub.leaf, the hub's leaf node listener; or hub.url, its listener for clients, where no leaf is allowed",
    });
  }
  checkAddress(source, hub, mistakes);
  checkLive(source, hub, mistakes);
  if (hub.live.length > 0 && hub.leaf !== undefined)
    add(
      "live",
      "hub.live is for hub.url",
      "with hub.leaf nothing: what somebody at the hub subscribes to crosses over by itself",
    );
  if (hub.leaf !== undefined && nats.url !== undefined && isSound(leftOut, ["nats", "url"])) {
    add(
      "leaf",
      "the gateway's own nats-server is what connects to the hub, and with nats.url there is none",
      "hub without nats.url; hub.url in place of hub.leaf; or make a leaf node of the server at nats.url",
    );
  }
  if (isSound(leftOut, ["gateway"]) && hub.leaf !== undefined && hub.domain === gateway) {
    mistakes.add(valuePlace(source, ["hub", "domain"]), ["hub", "domain"], {
      message: `${hub.domain} is the JetStream domain of this gateway itself: its name`,
      allowed: "another name for the gateway, or for the hub's domain",
    });
  }
  for (const [one, other] of pairs) {
    const areSound = isSound(leftOut, ["hub", one]) && isSound(leftOut, ["hub", other]);
    if (!areSound || (hub[one] === undefined) === (hub[other] === undefined)) continue;
    const alone = hub[one] === undefined ? other : one;
    add(alone, `hub.${alone} stands alone`, `hub.${one} and hub.${other} together`);
  }
  if (hub.credentials !== undefined && hub.user !== undefined) {
    add("credentials", "hub.credentials and hub.user stand together", "one of them");
  }
}

const liveFilter = /^(data|state)\//;

function checkLive(source: Source, { live }: HubConfig, mistakes: MistakeSink): void {
  for (const [index, filter] of live.entries()) {
    if (isTopicFilter(filter) && liveFilter.test(filter)) continue;
    const path = ["hub", "live", index];
    mistakes.add(valuePlace(source, path), path, {
      message: `${JSON.stringify(filter)} is no filter of readings or states`,
      allowed: "MQTT filters that begin with data/ or state/, such as data/#",
    });
  }
}

const addresses = [
  {
    key: "leaf",
    read: leafUrls,
    wrong: "is not the address of a leaf node listener",
    allowed: "such as nats-leaf://hub.example:7422, or tls://hub.example:7422 to insist on TLS",
  },
  {
    key: "url",
    read: clientUrls,
    wrong: "is not the address of a listener for clients",
    allowed: "such as nats://hub.example:4222, or tls://hub.example:4222 to insist on TLS",
  },
] as const;

function checkAddress(source: Source, hub: HubConfig, mistakes: MistakeSink): void {
  for (const { key, read, wrong, allowed } of addresses) {
    const text = hub[key];
    if (text === undefined) continue;
    const urls = read(text);
    const path = ["hub", key];
    const add = (message: string, instead: string) =>
      mistakes.add(valuePlace(source, path), path, { message, allowed: instead });
    if (urls === undefined) add(`hub.${key} ${wrong}`, allowed);
    else if (urls.some(({ username, password }) => username !== "" || password !== ""))
      add(`hub.${key} holds a user or password`, "hub.user, and hub.password as env:NAME or file:PATH");
  }
}

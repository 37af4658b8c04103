import { isLoopback } from "../adapter-kit/loopback.ts";
import type { GatewayConfig, ListenAddress } from "./gateway-schema.ts";
import type { Mistakes } from "./mistakes.ts";
import { isSound, sourceAt, valuePlace, type Source, type SourcePath } from "./source.ts";

/** `gateway.yaml` as far as it could be understood. */
export interface ReadGateway {
  readonly source: Source;
  readonly gateway: GatewayConfig;
  /** What was wrong, and is left out of it. */
  readonly leftOut: readonly SourcePath[];
}

interface Listener {
  readonly path: SourcePath;
  readonly address: ListenAddress;
}

/** Every listener that the gateway would open. */
function listeners({ broker, nats, http }: GatewayConfig): readonly Listener[] {
  const found: Listener[] = [{ path: ["broker", "listen"], address: broker.listen }];
  if (broker.tls !== undefined) found.push({ path: ["broker", "tls", "listen"], address: broker.tls.listen });
  if (broker.websocket !== undefined) {
    found.push({ path: ["broker", "websocket", "listen"], address: broker.websocket.listen });
  }
  if (nats.url === undefined) {
    found.push({ path: ["nats", "embedded", "listen"], address: nats.embedded.listen });
  }
  found.push({ path: ["http", "listen"], address: http.listen });
  return found;
}

/** True where one port can't be had at both hosts. */
export function overlap(left: string, right: string): boolean {
  const any = (host: string) => host === "0.0.0.0" || host === "::";
  return left === right || any(left) || any(right) || (isLoopback(left) && isLoopback(right));
}

/** Of users that are wrong it is not known who they are, but somebody was meant. */
function hasUsers(source: Source, leftOut: readonly SourcePath[]): boolean {
  const users = sourceAt(source, "users");
  return (users?.kind === "map" && users.entries.size > 0) || !isSound(leftOut, ["users"]);
}

/** An embedded server is only known to run where there is no `nats.url`. */
function isKnown({ path }: Listener, leftOut: readonly SourcePath[]): boolean {
  return isSound(leftOut, path) && (path[0] !== "nats" || isSound(leftOut, ["nats", "url"]));
}

/** Every listener of the gateway's own that is known for certain, but for those that take any port. */
export function listenersOf({ gateway, leftOut }: ReadGateway): readonly Listener[] {
  return listeners(gateway).filter((one) => isKnown(one, leftOut) && one.address.port !== 0);
}

/** No two listeners on one port, and none beyond this machine where nobody has to say who they are. */
export function checkListeners({ source, gateway, leftOut }: ReadGateway, mistakes: Mistakes): void {
  const open: Listener[] = [];
  const anybody = hasUsers(source, leftOut);
  for (const listener of listeners(gateway)) {
    if (!isKnown(listener, leftOut)) continue;
    const { path, address } = listener;
    const shown = `${address.host}:${address.port}`;
    const other = open.find(
      (one) =>
        one.address.port !== 0 &&
        one.address.port === address.port &&
        overlap(one.address.host, address.host),
    );
    if (other !== undefined) {
      mistakes.add(valuePlace(source, path), path, {
        message: `port ${address.port} is taken by ${other.path.join(".")} already`,
        allowed: "a port of its own for each listener",
      });
    }
    open.push(listener);
    if (isLoopback(address.host) || anybody) continue;
    mistakes.add(valuePlace(source, path), path, {
      message: `${shown} can be reached from other machines, and no users are configured`,
      allowed:
        "a loopback address such as 127.0.0.1, or `users:` with passwords, or a user named `anonymous` to allow access without a password",
    });
  }
}

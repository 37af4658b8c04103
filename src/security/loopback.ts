import { BlockList, isIP } from "node:net";
import type { ListenAddress } from "../config/gateway-schema.ts";

/** True where only programs on this very machine can reach the host: 127.0.0.0/8, ::1 or `localhost`. */
export function isLoopback(host: string): boolean {
  if (host.toLowerCase() === "localhost") return true;
  const family = isIP(host);
  if (family === 0) return false;
  const loopback = new BlockList();
  loopback.addSubnet("127.0.0.0", 8, "ipv4");
  loopback.addAddress("::1", "ipv6");
  return loopback.check(host, family === 6 ? "ipv6" : "ipv4");
}

/**
 * Why a listener may not be opened, or nothing. `open` is true where no users are configured: beyond loopback somebody must
 * have said who may do what. The user `anonymous` is the way to ask by name for access without a password.
 */
export function listenerRefusal({ host, port }: ListenAddress, open: boolean): string | undefined {
  if (!open || isLoopback(host)) return undefined;
  return `${host}:${port} can be reached from other machines, and there are no users: anybody could write to the devices. Add users, listen on 127.0.0.1, or name the user anonymous to allow it.`;
}

import { isLoopback } from "../adapter-kit/loopback.ts";
import type { ListenAddress } from "../domain/listen-address.ts";

/**
 * Why a listener may not be opened, or nothing. `open` is true where no users are configured: beyond loopback somebody must
 * have said who may do what. The user `anonymous` is the way to ask by name for access without a password.
 */
export function listenerRefusal({ host, port }: ListenAddress, open: boolean): string | undefined {
  if (!open || isLoopback(host)) return undefined;
  return `${host}:${port} can be reached from other machines, and there are no users: anybody could write to the devices. Add users, listen on 127.0.0.1, or name the user anonymous to allow it.`;
}

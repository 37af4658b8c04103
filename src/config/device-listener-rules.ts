import type { ListenAddress } from "./gateway-schema.ts";
import { listenersOf, overlap, type ReadGateway } from "./listener-rules.ts";
import type { Mistakes } from "./mistakes.ts";
import type { ReadDevice } from "./read-device.ts";
import { valuePlace, type Source, type SourcePath } from "./source.ts";

/** A port that the gateway would open, for itself or for a device that connects to it. */
interface Claim {
  readonly source: Source;
  readonly path: SourcePath;
  readonly address: ListenAddress;
  /** Such as `http.listen` or `camera-2`. */
  readonly owner: string;
}

const listenPath = ["connection", "listen"];
const allowed = "a port of its own for each listener; cameras share one where they name the same address";

/** No device has the gateway listen where it does already, or where it would for another device at another address. */
export function checkDeviceListeners(
  devices: readonly ReadDevice[],
  gateway: ReadGateway | undefined,
  mistakes: Mistakes,
): void {
  const taken = gateway === undefined ? [] : listenersOf(gateway).map((one) => claimOf(gateway.source, one));
  for (const { mapping, source, listens } of devices) {
    if (listens === undefined || listens.port === 0) continue;
    const claim = { source, path: listenPath, address: listens, owner: mapping.device };
    const other = taken.find((one) => clash(one, claim));
    if (other === undefined) taken.push(claim);
    else {
      tell(claim, other, mistakes);
      tell(other, claim, mistakes);
    }
  }
}

function claimOf(
  source: Source,
  { path, address }: { readonly path: SourcePath; readonly address: ListenAddress },
): Claim {
  return { source, path, address, owner: path.join(".") };
}

/** Of two devices that name the same address it is one listener; the gateway's own are never shared. */
function clash(one: Claim, other: Claim): boolean {
  if (one.address.port !== other.address.port || !overlap(one.address.host, other.address.host)) return false;
  return one.path !== listenPath || one.address.host !== other.address.host;
}

function tell(claim: Claim, other: Claim, mistakes: Mistakes): void {
  const { file, line } = valuePlace(other.source, other.path);
  mistakes.add(valuePlace(claim.source, claim.path), claim.path, {
    message: `port ${claim.address.port} is that of ${other.owner} (${file}, line ${line}) too`,
    allowed,
  });
}

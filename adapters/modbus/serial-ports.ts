import { readdirSync } from "node:fs";
import { join } from "node:path";

/** Device files that are serial ports wherever they are found; `/dev/ttyS*` exist whether there is hardware or not. */
const plainPorts = /^tty(USB|ACM|AMA|AP|O|mxc|SC|THS|XRUSB)\d+$/;
const mostNamed = 8;

/** The serial ports of this machine by path, those names first that stay the same over replugging. */
export function serialPorts(devices = "/dev"): readonly string[] {
  const byId = join(devices, "serial", "by-id");
  const stable = namesIn(byId).map((name) => join(byId, name));
  const plain = namesIn(devices).filter((name) => plainPorts.test(name));
  return [...stable, ...plain.map((name) => join(devices, name))];
}

/** The same in words, for a message about a port that is gone. */
export function portsInWords(ports: readonly string[] = serialPorts()): string {
  if (ports.length === 0) return "This machine has no USB or on-board serial port now";
  const more = ports.length > mostNamed ? ` and ${ports.length - mostNamed} more` : "";
  return `This machine has ${ports.slice(0, mostNamed).join(", ")}${more}`;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    // No folder, no ports: udev makes `by-id` with the first USB adapter.
    return [];
  }
}

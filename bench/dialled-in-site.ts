import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A site folder of devices that connect to the gateway. */
export interface DialledInSite extends Disposable {
  readonly dir: string;
}

/** Device files by the device's name. */
export function dialledInSite(devices: ReadonlyMap<string, readonly string[]>): DialledInSite {
  const dir = mkdtempSync(join(tmpdir(), "linegate-bench-"));
  mkdirSync(join(dir, "devices"));
  const gateway = [
    "gateway: bench-gw",
    "site: bench/line1",
    "broker: { listen: 127.0.0.1:0 }",
    "nats: { embedded: { listen: 127.0.0.1:0, store: ./data, maxBytes: 256MB } }",
    "http: { listen: 127.0.0.1:0 }",
  ];
  writeFileSync(join(dir, "gateway.yaml"), `${gateway.join("\n")}\n`);
  for (const [device, lines] of devices)
    writeFileSync(join(dir, "devices", `${device}.yaml`), `${lines.join("\n")}\n`);
  return { dir, [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }) };
}

/** So many devices with so many tags each: the lines of their files. */
export function devicesOf(
  load: { readonly devices: number; readonly tagsEach: number },
  head: (device: string) => readonly string[],
  tag: (index: number, device: string) => string,
): ReadonlyMap<string, readonly string[]> {
  return new Map(
    Array.from({ length: load.devices }, (_, number) => {
      const device = `machine-${number}`;
      const tags = Array.from(
        { length: load.tagsEach },
        (_, index) => `  zone/value${index}: ${tag(index, device)}`,
      );
      return [device, [`device: ${device}`, ...head(device), "tags:", ...tags]];
    }),
  );
}

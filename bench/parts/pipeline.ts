import { execFile, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { makeSite } from "../made-site.ts";
import { median } from "../statistics.ts";

const run = promisify(execFile);
/** As bin/linegate has them. */
const flags = ["--max-semi-space-size=1", "--heap-growing-percent=50"];
const entry = join(import.meta.dirname, "..", "pipeline-process.ts");
const readings = 1_000_000;
const runs = 3;

interface Figures {
  readonly readingsPerSecond: number;
  readonly cpuSecondsPerMillion: number;
  /** The NATS client alone with the same payloads, in the same process a moment before: what the machine gives today. */
  readonly natsClientAlonePerSecond: number;
}

async function measure(dir: string, seed: number): Promise<Figures> {
  const all: Figures[] = [];
  for (let i = 0; i < runs; i++) {
    const { stdout } = await run(process.execPath, [...flags, entry, dir, String(readings), String(seed)]);
    all.push(JSON.parse(stdout) as Figures);
  }
  return {
    readingsPerSecond: median(all.map((one) => one.readingsPerSecond)),
    cpuSecondsPerMillion: median(all.map((one) => one.cpuSecondsPerMillion)),
    natsClientAlonePerSecond: median(all.map((one) => one.natsClientAlonePerSecond)),
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Without JetStream there is no LATEST: the same gateway against a plain nats-server. */
async function withoutLatest(dir: string, seed: number): Promise<Figures> {
  const port = await freePort();
  const server = spawn("nats-server", ["-a", "127.0.0.1", "-p", String(port)], { stdio: "ignore" });
  try {
    writeFileSync(join(dir, "gateway.yaml"), gatewayFile(port));
    return await measure(dir, seed);
  } finally {
    server.kill("SIGKILL");
  }
}

function gatewayFile(port: number): string {
  return `gateway: bench-gw
site: bench/line1
broker: { listen: 127.0.0.1:0 }
nats: { url: "nats://127.0.0.1:${port}" }
http: { listen: 127.0.0.1:0 }
`;
}

/** Samples → normalise → broker → pipeline → NATS in one process, as fast as nats-server takes them; medians of three runs. */
export async function pipeline(random: () => number, seed: number) {
  await using site = await makeSite({ tags: 1, interval: "1s", random });
  const latest = await measure(site.dir, seed);
  return { pipeline: { ...latest, withoutLatest: await withoutLatest(site.dir, seed) } };
}

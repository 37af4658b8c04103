import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CameraSimulator } from "../../simulators/camera/camera.ts";
import { runGateway } from "../gateway-process.ts";
import { usage } from "../usage.ts";

const settleMs = 5_000;
const samples = 3;
const imageBytes = 200_000;

interface Load {
  readonly cameras: number;
  readonly tagsEach: number;
  /** A new result with its image each second. */
  readonly images: boolean;
}

function deviceFile(index: number, origin: string, { tagsEach, images }: Load): string {
  const lines = [
    `device: camera-${index}`,
    "adapter: camera",
    `connection: { transport: http-poll, url: "${origin}/r" }`,
    "event: { name: inspected, key: /part, image: true }",
    "tags:",
    "  image: { image: true, url: /i }",
  ];
  for (let tag = 0; tag < tagsEach; tag++) lines.push(`  zone/value${tag}: { pointer: /values/${tag} }`);
  return `${(images ? lines : lines.filter((line) => !/event|image/.test(line))).join("\n")}\n`;
}

/** RSS and CPU of the gateway with so many cameras polled each second. */
async function measure(load: Load, random: () => number) {
  const dir = mkdtempSync(join(tmpdir(), "linegate-bench-"));
  mkdirSync(join(dir, "devices"));
  const values = () => Array.from({ length: load.tagsEach }, random);
  let result = { part: 0, values: values() };
  const image = Buffer.concat([Buffer.from("89504e470d0a1a0a", "hex"), Buffer.alloc(imageBytes, 7)]);
  const cameras: CameraSimulator[] = [];
  const changing = setInterval(() => {
    result = { part: result.part + 1, values: values() };
  }, 1_000);
  try {
    for (let index = 0; index < load.cameras; index++) {
      const camera = await CameraSimulator.start({
        result: (path) => (path === "/r" ? result : undefined),
        image: (path) => (path === "/i" ? image : undefined),
      });
      cameras.push(camera);
      writeFileSync(join(dir, "devices", `camera-${index}.yaml`), deviceFile(index, camera.origin, load));
    }
    const gatewayFile = [
      "gateway: bench-gw",
      "site: bench/line1",
      "broker: { listen: 127.0.0.1:0 }",
      "nats: { embedded: { listen: 127.0.0.1:0, store: ./data, maxBytes: 256MB } }",
      "images: { maxBytes: 32MB }",
      "http: { listen: 127.0.0.1:0 }",
    ];
    writeFileSync(join(dir, "gateway.yaml"), `${gatewayFile.join("\n")}\n`);
    await using gateway = await runGateway(dir);
    return await usage(gateway, settleMs, samples);
  } finally {
    clearInterval(changing);
    await Promise.all(cameras.map((camera) => camera.stop()));
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Ten cameras with 100 tags each, without images and with one of 200 kB a second each; and one with 10,000 tags. */
export async function cameras(random: () => number) {
  return {
    cameraRssMb: {
      tags1000: await measure({ cameras: 10, tagsEach: 100, images: false }, random),
      tags1000images: await measure({ cameras: 10, tagsEach: 100, images: true }, random),
      tags10000: await measure({ cameras: 10, tagsEach: 1_000, images: false }, random),
    },
  };
}

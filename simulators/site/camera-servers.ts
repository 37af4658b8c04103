import { pathOf, type CameraDevice } from "../../adapters/camera/mapping.ts";
import type { Clock } from "../../src/adapter-kit/clock.ts";
import { readSecret } from "../../src/security/read-secret.ts";
import { CameraSimulator } from "../camera/camera.ts";
import { postResult, pushTarget } from "../camera/push.ts";
import { SimulatedCameraDevice } from "./camera-device.ts";
import type { Moved, SimulatedPart } from "./simulated-part.ts";
import { refuseForeignHost, startAt, type ServerOptions } from "./ports.ts";

/** A camera sends no more often, however fast its values change. */
const leastBetweenMs = 500;

/** One simulated camera on the wire: a server, or a client that posts. */
export class ServedCamera implements SimulatedPart {
  readonly device: SimulatedCameraDevice;
  /** Absent for cameras that post. */
  readonly camera: CameraSimulator | undefined;
  readonly #siteDir: string;
  #sent = 0;
  #sentAt = Number.NEGATIVE_INFINITY;
  #posting: Promise<unknown> | undefined;

  constructor(device: SimulatedCameraDevice, camera: CameraSimulator | undefined, siteDir: string) {
    this.device = device;
    this.camera = camera;
    this.#siteDir = siteDir;
  }

  get devices(): readonly [SimulatedCameraDevice] {
    return [this.device];
  }

  get moved(): Moved | undefined {
    const mapped = portOf(this.device.mapping);
    if (this.camera === undefined || mapped === undefined || this.camera.port === mapped) return undefined;
    return [mapped, this.camera.port];
  }

  redirected(): CameraDevice {
    const { mapping } = this.device;
    const { connection } = mapping;
    if (this.camera === undefined || connection.transport === "http-push") return mapping;
    const url = new URL(connection.url);
    url.host = `${this.camera.host}:${this.camera.port}`;
    return { ...mapping, connection: { ...connection, url: url.href } };
  }

  /** Sends a result that is new, where this is a camera that sends. `now` in monotonic ms. */
  tick(now: number): void {
    const { version, mapping } = this.device;
    if (version === this.#sent || now - this.#sentAt < leastBetweenMs || this.#posting !== undefined) return;
    const { transport } = mapping.connection;
    if (transport === "http-poll") return;
    this.#sent = version;
    this.#sentAt = now;
    const image = mapping.tags.some(({ options }) => options.image) ? this.device.picture() : undefined;
    if (transport === "websocket") this.camera?.stream(this.device.result(), image);
    else {
      this.#posting = this.#post(image)
        // The gateway is not there yet, or away: the next result finds it.
        .catch(() => undefined)
        .finally(() => {
          this.#posting = undefined;
        });
    }
  }

  /** Idempotent; leaves no socket. */
  async stop(): Promise<void> {
    await this.#posting;
    await this.camera?.stop();
  }

  async #post(image: Buffer | undefined): Promise<void> {
    const { mapping } = this.device;
    const { connection } = mapping;
    if (connection.transport !== "http-push") return;
    const { listen, token, tokenIn } = connection;
    const secrets = { siteDir: this.#siteDir, environment: process.env };
    const secret = token === undefined ? undefined : await readSecret(token, secrets);
    const path = pathOf({ ...mapping, connection });
    const target = pushTarget({ ...listen, path, token: secret, tokenIn });
    await postResult(target, this.device.result(), image);
  }
}

/** Serves the cameras, each on its own port. Rejects where one can't listen, with nothing left open. */
export async function serveCameras(
  devices: readonly CameraDevice[],
  options: ServerOptions,
  clock: Clock,
  siteDir: string,
): Promise<readonly ServedCamera[]> {
  const served: ServedCamera[] = [];
  try {
    for (const mapping of devices) served.push(await serve(mapping, options, clock, siteDir));
    return served;
  } catch (caught) {
    await Promise.all(served.map((camera) => camera.stop()));
    throw caught;
  }
}

async function serve(
  mapping: CameraDevice,
  options: ServerOptions,
  clock: Clock,
  siteDir: string,
): Promise<ServedCamera> {
  const device = new SimulatedCameraDevice(mapping, () => clock.now());
  const { connection } = mapping;
  if (connection.transport === "http-push") return new ServedCamera(device, undefined, siteDir);
  const { hostname } = new URL(connection.url);
  refuseForeignHost(mapping.device, hostname, options);
  const host = options.host ?? hostname.replaceAll(/[[\]]/g, "");
  const start = (port: number) =>
    CameraSimulator.start({
      host,
      port,
      result: (path) => device.result(path),
      image: (path) => device.image(path),
      onWrite: (path, value) => device.receive(path, value),
    });
  const server = await startAt(start, portOf(mapping) ?? 0, host, options);
  device.moveTo(`${server.origin}${new URL(connection.url).pathname}`);
  return new ServedCamera(device, server, siteDir);
}

function portOf({ connection }: CameraDevice): number | undefined {
  if (connection.transport === "http-push") return undefined;
  const { port } = new URL(connection.url);
  return port === "" ? 80 : Number(port);
}

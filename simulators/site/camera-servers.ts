import { pathOf, type CameraDevice } from "../../adapters/camera/mapping.ts";
import type { Clock } from "../../src/adapter-kit/clock.ts";
import { readSecret } from "../../src/security/read-secret.ts";
import { CameraSimulator } from "../camera/camera.ts";
import { postResult, pushTarget } from "../camera/push.ts";
import { CameraAuthority } from "./camera-authority.ts";
import { SimulatedCameraDevice } from "./camera-device.ts";
import type { Moved, SimulatedPart } from "./simulated-part.ts";
import { refuseForeignHost, startAt, type ServerOptions } from "./ports.ts";

/** A camera sends no more often, however fast its values change. */
const leastBetweenMs = 500;

interface Served {
  readonly camera: CameraSimulator | undefined;
  readonly siteDir: string;
  readonly ca: string | undefined;
}

/** One simulated camera on the wire: a server, or a client that posts. */
export class ServedCamera implements SimulatedPart {
  readonly device: SimulatedCameraDevice;
  /** Absent for cameras that post, unless a snapshot is asked of them. */
  readonly camera: CameraSimulator | undefined;
  readonly #siteDir: string;
  /** The authority's certificate, where the camera is behind TLS. */
  readonly #ca: string | undefined;
  #sent = 0;
  #sentAt = Number.NEGATIVE_INFINITY;
  #posting: Promise<unknown> | undefined;

  constructor(device: SimulatedCameraDevice, served: Served) {
    this.device = device;
    this.camera = served.camera;
    this.#siteDir = served.siteDir;
    this.#ca = served.ca;
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
    const { camera } = this;
    const { mapping } = this.device;
    const { connection, options } = mapping;
    if (camera === undefined) return mapping;
    const there = (text: string) => {
      const url = new URL(text);
      url.host = `${camera.host}:${camera.port}`;
      return url.href;
    };
    const tls = this.#ca === undefined ? connection.tls : { ca: this.#ca, insecure: false };
    const { snapshot } = options;
    const moved = snapshot !== undefined && URL.canParse(snapshot.url);
    return {
      ...mapping,
      connection: {
        ...connection,
        ...(connection.transport === "http-push" ? {} : { url: there(connection.url) }),
        ...(tls === undefined ? {} : { tls }),
      },
      options: moved ? { ...options, snapshot: { ...snapshot, url: there(snapshot.url) } } : options,
    };
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
): Promise<readonly SimulatedPart[]> {
  const served: SimulatedPart[] = [];
  const authority = new CameraAuthority();
  try {
    for (const mapping of devices) served.push(await serve(mapping, options, { clock, siteDir, authority }));
  } catch (caught) {
    await Promise.all([...served.map((camera) => camera.stop()), authority.remove()]);
    throw caught;
  }
  const files: SimulatedPart = { devices: [], stop: () => authority.remove() };
  return [...served, files];
}

interface Surroundings {
  readonly clock: Clock;
  readonly siteDir: string;
  readonly authority: CameraAuthority;
}

async function serve(
  mapping: CameraDevice,
  options: ServerOptions,
  { clock, siteDir, authority }: Surroundings,
): Promise<ServedCamera> {
  const device = new SimulatedCameraDevice(mapping, () => clock.now());
  const url = urlOf(mapping);
  if (url === undefined) return new ServedCamera(device, { camera: undefined, siteDir, ca: undefined });
  refuseForeignHost(mapping.device, url.hostname, options);
  const host = options.host ?? url.hostname.replaceAll(/[[\]]/g, "");
  const isSecret = url.protocol === "https:" || url.protocol === "wss:";
  const ca = isSecret ? await authority.file() : undefined;
  const start = (port: number) =>
    CameraSimulator.start({
      host,
      port,
      ...(isSecret ? { tls: authority.issue([url.hostname, host]) } : {}),
      result: (path) => device.result(path),
      image: (path) => device.image(path),
      onWrite: (path, value) => device.receive(path, value),
    });
  const camera = await startAt(start, portOf(mapping) ?? 0, host, options);
  if (mapping.connection.transport !== "http-push") {
    const by = ca === undefined ? "" : ` (tls.ca: ${ca})`;
    device.moveTo(`${camera.origin}${url.pathname}${by}`);
  }
  return new ServedCamera(device, { camera, siteDir, ca });
}

/** Where the camera is a server; undefined for one that only posts. */
function urlOf({ connection, options }: CameraDevice): URL | undefined {
  if (connection.transport !== "http-push") return new URL(connection.url);
  return options.snapshot === undefined ? undefined : new URL(options.snapshot.url);
}

function portOf(mapping: CameraDevice): number | undefined {
  const url = urlOf(mapping);
  if (url === undefined || url.port !== "") return url && Number(url.port);
  return url.protocol === "https:" || url.protocol === "wss:" ? 443 : 80;
}

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Authority, type ServerCertificate } from "../camera/authority.ts";

/** Certificates for the simulated cameras behind TLS, by an authority of the simulation's own. */
export class CameraAuthority {
  readonly #authority = new Authority("Linegate simulation");
  #folder: Promise<string> | undefined;

  /** A certificate for a camera that goes by these names. */
  issue(names: readonly string[]): ServerCertificate {
    return this.#authority.issue({ names });
  }

  /** Where the authority's own certificate is, for `tls.ca`. */
  async file(): Promise<string> {
    this.#folder ??= mkdtemp(join(tmpdir(), "linegate-cameras-"));
    const file = join(await this.#folder, "ca.pem");
    await writeFile(file, this.#authority.cert);
    return file;
  }

  /** Idempotent; leaves no file. */
  async remove(): Promise<void> {
    const folder = await this.#folder;
    this.#folder = undefined;
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  }
}

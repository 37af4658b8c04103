import { createHash, createPrivateKey, randomUUID, X509Certificate, type KeyObject } from "node:crypto";
import { access, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { GatewayError } from "../../src/adapter-kit/index.ts";
import {
  CertificatePurpose,
  createSelfSignedCertificate,
  generateKeyPair,
  privateKeyToPEM,
} from "./library-crypto.ts";

/** The gateway as an OPC UA client application. */
export interface ClientIdentity {
  /** DER. */
  readonly certificate: Buffer;
  /** PEM. */
  readonly keyPem: string;
  readonly key: KeyObject;
  /** The same as in the certificate's subjectAltName, as OPC UA Part 4 §5.6.2 demands. */
  readonly applicationUri: string;
}

const validDays = 365 * 20;
const privateFile = { mode: 0o600 };

/**
 * The certificates of one gateway: `own` (certificate and key, made once), `trusted` and `rejected` (servers'). All
 * its OPC UA devices share it, so that a server trusts the gateway once.
 */
export class Pki {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The gateway's own certificate; made where there is none yet. */
  async identity(): Promise<ClientIdentity> {
    const path = join(this.#folder, "own", "client.pem");
    let pem = await readIfThere(path);
    if (pem === undefined) {
      await mkdir(join(this.#folder, "own"), { recursive: true, mode: 0o700 });
      // Two devices that start at once each make one; the first to be in place is everybody's.
      const draft = join(this.#folder, "own", `${randomUUID()}.tmp`);
      await writeFile(draft, await makeIdentity(), privateFile);
      pem = await readIfThere(path);
      if (pem === undefined) await rename(draft, path);
      else await rm(draft);
      pem = await readFile(path, "utf8");
      const certificate = new X509Certificate(pem);
      // For people who take it to a server by hand.
      await writeFile(join(this.#folder, "own", "client.der"), certificate.raw);
    }
    return readIdentity(pem, path);
  }

  /** Resolves where the server may be talked to; else rejects with DEVICE_REJECTED, its certificate in `rejected`. */
  async requireTrusted(certificate: Buffer, server: string, trustFirst: boolean): Promise<void> {
    const name = fileNameOf(certificate);
    const trusted = join(this.#folder, "trusted");
    const rejected = join(this.#folder, "rejected");
    await mkdir(trusted, { recursive: true, mode: 0o700 });
    await mkdir(rejected, { recursive: true, mode: 0o700 });
    const { validFrom, validTo } = new X509Certificate(certificate);
    const known = await readIfThere(join(trusted, name));
    if (known === undefined && trustFirst && !(await this.#hasTrusted(server))) {
      await writeFile(join(trusted, name), certificate);
      await writeFile(this.#firstUse(server), name);
      return;
    }
    if (known === undefined) {
      await writeFile(join(rejected, name), certificate);
      throw new GatewayError(
        "DEVICE_REJECTED",
        `The certificate of ${server} is not trusted. If it is the right server (SHA-1 ${thumbprintOf(certificate)}, ` +
          `valid ${validFrom} to ${validTo}), move ${join(rejected, name)} to ${trusted}.`,
        { context: { server, thumbprint: thumbprintOf(certificate) } },
      );
    }
    await rm(join(rejected, name), { force: true });
  }

  /** What was trusted on first use is for that server alone: a second certificate of its is no first use. */
  async #hasTrusted(server: string): Promise<boolean> {
    return (await readIfThere(this.#firstUse(server))) !== undefined;
  }

  #firstUse(server: string): string {
    return join(
      this.#folder,
      "trusted",
      `${createHash("sha1").update(server).digest("hex").slice(0, 12)}.first-use`,
    );
  }
}

export function thumbprintOf(certificate: Buffer): string {
  return createHash("sha1").update(certificate).digest("hex");
}

/** `Press PLC [3f2a…].der`, a name that people recognise. */
function fileNameOf(certificate: Buffer): string {
  const { subject } = new X509Certificate(certificate);
  const common = /^CN=(.*)$/m.exec(subject)?.[1] ?? "server";
  return `${common.replaceAll(/[^\w .-]/g, "_").slice(0, 60)} [${thumbprintOf(certificate)}].der`;
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    await access(path);
    return await readFile(path, "utf8");
  } catch {
    return undefined;
  }
}

function readIdentity(pem: string, path: string): ClientIdentity {
  try {
    const certificate = new X509Certificate(pem);
    const applicationUri = /URI:([^,]+)/.exec(certificate.subjectAltName ?? "")?.[1]?.trim() ?? "";
    const [keyPem = ""] = /-----BEGIN PRIVATE KEY-----[\s\S]+?-----END PRIVATE KEY-----/.exec(pem) ?? [];
    return { certificate: certificate.raw, keyPem, key: createPrivateKey(keyPem), applicationUri };
  } catch (cause) {
    throw new GatewayError(
      "CONFIG_INVALID",
      `The gateway's own OPC UA certificate can't be read: ${path}. Delete it to have a new one made; servers must trust that again.`,
      { cause },
    );
  }
}

/** Certificate and private key in one PEM text, so that no crash leaves one without the other. */
async function makeIdentity(): Promise<string> {
  const { privateKey } = await generateKeyPair(2048);
  const host = hostname();
  const { cert } = await createSelfSignedCertificate({
    privateKey,
    notBefore: new Date(Date.now() - 86_400_000),
    validity: validDays,
    subject: `CN=Linegate@${host}/O=Linegate`,
    dns: [host],
    applicationUri: `urn:${host}:linegate:${randomUUID()}`,
    purpose: CertificatePurpose.ForApplication,
  });
  const { privPem } = await privateKeyToPEM(privateKey);
  return `${cert.trim()}\n${privPem.trim()}\n`;
}

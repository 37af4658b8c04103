import { generateKeyPairSync, randomBytes, sign, type KeyObject } from "node:crypto";
import { isIP } from "node:net";

/** What a TLS server needs, in PEM. */
export interface ServerCertificate {
  readonly key: string;
  readonly cert: string;
}

export interface CertificateOptions {
  /** Host names and IPv4 addresses that it is good for. */
  readonly names: readonly string[];
  /** Milliseconds since the Unix epoch; from a day ago for ten years where absent. */
  readonly from?: number;
  readonly to?: number;
}

const dayMs = 86_400_000;

/** DER: one element, its length before it (X.690 §8.1). */
function element(tag: number, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content);
  const size = Buffer.from(body.length.toString(16).padStart(body.length > 0xff ? 4 : 2, "0"), "hex");
  const length = body.length < 0x80 ? size : Buffer.from([0x80 | size.length, ...size]);
  return Buffer.concat([Buffer.from([tag]), length, body]);
}

const sequence = (...parts: readonly Buffer[]) => element(0x30, ...parts);
const identifier = (hex: string) => element(0x06, Buffer.from(hex, "hex"));
const text = (value: string) => element(0x0c, Buffer.from(value));
const bits = (value: Buffer) => element(0x03, Buffer.from([0]), value);
const yes = element(0x01, Buffer.from([0xff]));
const ecdsaWithSha256 = sequence(identifier("2a8648ce3d040302"));
const commonName = "550403";
const subjectAlternativeName = "551d11";
const basicConstraints = "551d13";

/** A made-up certificate authority, for simulated devices and tests: RFC 5280 certificates with P-256 keys. */
export class Authority {
  readonly #name: string;
  readonly #key: KeyObject;
  /** Its own certificate, as a mapping's `tls.ca` names it. */
  readonly cert: string;

  /** Signs itself. With names it is a server's certificate too, as cameras make theirs. */
  constructor(name: string, names: readonly string[] = []) {
    this.#name = name;
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    this.#key = privateKey;
    const isAuthority = sequence(identifier(basicConstraints), yes, element(0x04, sequence(yes)));
    const extensions = names.length === 0 ? [isAuthority] : [isAuthority, goodFor(names)];
    this.cert = this.#certificate(name, publicKey, extensions, {});
  }

  /** What a server needs that shows this certificate itself. */
  get own(): ServerCertificate {
    return { key: pem(this.#key), cert: this.cert };
  }

  /** A server's certificate with a key of its own. */
  issue(options: CertificateOptions): ServerCertificate {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const name = options.names[0] ?? "camera";
    return {
      key: pem(privateKey),
      cert: this.#certificate(name, publicKey, [goodFor(options.names)], options),
    };
  }

  #certificate(
    subject: string,
    key: KeyObject,
    extensions: readonly Buffer[],
    { from = Date.now() - dayMs, to = from + 3_650 * dayMs }: Omit<CertificateOptions, "names">,
  ): string {
    const serial = Buffer.concat([Buffer.from([1]), randomBytes(8)]);
    const unsigned = sequence(
      element(0xa0, element(0x02, Buffer.from([2]))),
      element(0x02, serial),
      ecdsaWithSha256,
      nameOf(this.#name),
      sequence(timeOf(from), timeOf(to)),
      nameOf(subject),
      key.export({ type: "spki", format: "der" }),
      element(0xa3, sequence(...extensions)),
    );
    const signed = sequence(unsigned, ecdsaWithSha256, bits(sign("sha256", unsigned, this.#key)));
    const lines = signed.toString("base64").replaceAll(/(.{64})/g, "$1\n");
    return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
  }
}

function goodFor(names: readonly string[]): Buffer {
  const entries = names.map((name) =>
    isIP(name) === 4
      ? element(0x87, Buffer.from(name.split(".").map(Number)))
      : element(0x82, Buffer.from(name, "latin1")),
  );
  return sequence(identifier(subjectAlternativeName), element(0x04, sequence(...entries)));
}

function pem(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

function nameOf(name: string): Buffer {
  return sequence(element(0x31, sequence(identifier(commonName), text(name))));
}

/** UTCTime, good until 2049 (RFC 5280 §4.1.2.5.1). */
function timeOf(at: number): Buffer {
  const digits = new Date(at).toISOString().replaceAll(/[-:T]|\.\d+/g, "");
  return element(0x17, Buffer.from(digits.slice(2), "latin1"));
}

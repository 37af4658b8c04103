import { createPrivateKey, X509Certificate, type KeyObject } from "node:crypto";
import { GatewayError } from "../../src/adapter-kit/index.ts";
import { thumbprintOf } from "./pki.ts";

/** A certificate that a user logs in with, and its key; both are known to belong together. */
export interface UserCertificate {
  readonly certificate: X509Certificate;
  readonly keyPem: string;
}

/** Throws CONFIG_INVALID where one of them can't be read, or where they don't belong together. */
export function readUserCertificate(certificatePem: string, keyPem: string, place: string): UserCertificate {
  const certificate = readCertificate(certificatePem, place);
  const key = readKey(keyPem, place);
  // The secure policies up to Aes256_Sha256_RsaPss sign with RSA (OPC UA Part 7 §6.6.161 ff.).
  if (key.asymmetricKeyType !== "rsa") {
    throw mistake(
      place,
      `the key of the user certificate is ${key.asymmetricKeyType}. Allowed: RSA, 2048 bits or more.`,
    );
  }
  if (!certificate.checkPrivateKey(key)) {
    throw mistake(
      place,
      `the key does not fit the user certificate of ${nameOf(certificate)}. Check that userCertificate.certificate and userCertificate.key were made together.`,
    );
  }
  return { certificate, keyPem: key.export({ type: "pkcs8", format: "pem" }).toString() };
}

/** What to check where a server refuses the certificate at `now`, in ms since the Unix epoch. */
export function doubtsAbout({ certificate }: UserCertificate, now: number): string {
  const { validFromDate, validToDate, raw } = certificate;
  if (validToDate.getTime() < now) return `It expired on ${dayOf(validToDate)}: make a new one.`;
  if (validFromDate.getTime() > now) {
    return `It is not valid before ${dayOf(validFromDate)}: check the gateway's clock, or make a new one.`;
  }
  return `Does the server know it (SHA-1 ${thumbprintOf(raw)}), trust it, and let its user in?`;
}

/** `CN=operator`, as people know it. */
export function nameOf({ subject }: X509Certificate): string {
  return subject.split("\n").find((part) => part.startsWith("CN=")) ?? "no name";
}

function readCertificate(pem: string, place: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw mistake(
      place,
      "the user certificate is not in PEM. openssl x509 -inform der makes PEM of DER.",
      cause,
    );
  }
}

function readKey(pem: string, place: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    const locked = pem.includes("ENCRYPTED");
    const why = locked
      ? "has a passphrase. openssl pkey takes it off; the file's rights then protect the key."
      : "is no private key in PEM.";
    throw mistake(place, `the key of the user certificate ${why}`, cause);
  }
}

function mistake(place: string, what: string, cause?: unknown): GatewayError {
  return new GatewayError("CONFIG_INVALID", `${place}: ${what}`, { cause });
}

function dayOf(date: Date): string {
  return date.toISOString().slice(0, 10);
}

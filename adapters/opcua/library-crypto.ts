import { createRequire } from "node:module";
import type * as LibraryCrypto from "node-opcua-crypto/web";

/**
 * The crypto part of the library, in the copy that the library itself uses. An `import` would load the package's other
 * build beside it, with its certificates and ASN.1 once more: 5 MB of heap.
 */
const crypto = createRequire(import.meta.url)("node-opcua-crypto/web") as typeof LibraryCrypto;

export const {
  CertificatePurpose,
  createSelfSignedCertificate,
  generateKeyPair,
  makePrivateKeyFromPem,
  privateKeyToPEM,
} = crypto;

import { X509Certificate } from "node:crypto";
import { makePrivateKeyFromPem } from "./library-crypto.ts";
import { computeSignature, fromURI, getCryptoFactory, SecurityPolicy } from "node-opcua-secure-channel";
import {
  AnonymousIdentityToken,
  MessageSecurityMode,
  UserNameIdentityToken,
  UserTokenType,
  X509IdentityToken,
  type EndpointDescription,
  type SignatureData,
  type UserTokenPolicy,
} from "node-opcua-types";
import { GatewayError } from "../../src/adapter-kit/index.ts";
import type { UserCertificate } from "./user-certificate.ts";

/** Who logs in, secrets in plain. */
export type User =
  | { readonly kind: "anonymous" }
  | { readonly kind: "password"; readonly name: string; readonly password: string }
  | ({ readonly kind: "certificate" } & UserCertificate);

export interface IdentityContext {
  readonly endpoint: EndpointDescription;
  readonly policy: SecurityPolicy;
  readonly place: string;
  /** DER. */
  readonly serverCertificate: Buffer;
  readonly serverNonce: Buffer;
}

interface IdentityToken {
  readonly userIdentityToken: AnonymousIdentityToken | UserNameIdentityToken | X509IdentityToken;
  readonly userTokenSignature?: SignatureData;
}

const tokenTypes = {
  anonymous: UserTokenType.Anonymous,
  password: UserTokenType.UserName,
  certificate: UserTokenType.Certificate,
} as const;

/** The user as ActivateSession takes it, OPC UA Part 4 §7.40. A password never goes out in plain text. */
export function identityToken(user: User, context: IdentityContext): IdentityToken {
  const offered = (context.endpoint.userIdentityTokens ?? []).filter(
    ({ tokenType }) => tokenType === tokenTypes[user.kind],
  );
  const token =
    offered.find((one) => policyOfToken(one, context.policy) !== SecurityPolicy.None) ?? offered[0];
  if (token === undefined) {
    const kinds = {
      anonymous: "anonymous users",
      password: "a user name",
      certificate: "a user certificate",
    };
    throw new GatewayError(
      "DEVICE_REJECTED",
      `${context.place} does not take ${kinds[user.kind]} on this endpoint.`,
    );
  }
  const { policyId } = token;
  const policy = policyOfToken(token, context.policy);
  switch (user.kind) {
    case "anonymous":
      return { userIdentityToken: new AnonymousIdentityToken({ policyId }) };
    case "password":
      return { userIdentityToken: passwordToken(user, policyId, policy, context) };
    case "certificate":
      return certificateToken(user, policyId, policy, context);
  }
}

function policyOfToken({ securityPolicyUri }: UserTokenPolicy, channel: SecurityPolicy): SecurityPolicy {
  return securityPolicyUri ? fromURI(securityPolicyUri) : channel;
}

/** Legacy encrypted secret, Part 4 §7.40.2.2: length, secret and nonce under the server's public key. */
function passwordToken(
  { name, password }: Extract<User, { kind: "password" }>,
  policyId: string | null,
  policy: SecurityPolicy,
  { serverCertificate, serverNonce, place, endpoint, policy: channelPolicy }: IdentityContext,
): UserNameIdentityToken {
  const secret = Buffer.from(password);
  const factory = getCryptoFactory(policy);
  if (policy === SecurityPolicy.None || factory === null) {
    // On an encrypted channel the token itself may go without (Part 4 §7.41, UserTokenPolicy None).
    const encrypted =
      channelPolicy !== SecurityPolicy.None && endpoint.securityMode === MessageSecurityMode.SignAndEncrypt;
    if (!encrypted) {
      throw new GatewayError(
        "DEVICE_REJECTED",
        `${place} wants the password in plain text over the network. Use a secure policy.`,
      );
    }
    return new UserNameIdentityToken({
      policyId,
      userName: name,
      password: secret,
      encryptionAlgorithm: null,
    });
  }
  const length = Buffer.alloc(4);
  length.writeUInt32LE(secret.length + serverNonce.length);
  const key = new X509Certificate(serverCertificate).publicKey;
  return new UserNameIdentityToken({
    policyId,
    userName: name,
    password: factory.asymmetricEncrypt(Buffer.concat([length, secret, serverNonce]), key),
    encryptionAlgorithm: factory.asymmetricEncryptionAlgorithm,
  });
}

/** The certificate, and a signature that shows that the user has its key: Part 4 §7.40.5. */
function certificateToken(
  { certificate, keyPem }: UserCertificate,
  policyId: string | null,
  policy: SecurityPolicy,
  { serverCertificate, serverNonce, place }: IdentityContext,
): IdentityToken {
  const key = makePrivateKeyFromPem(keyPem);
  const userTokenSignature = computeSignature(serverCertificate, serverNonce, key, policy);
  if (userTokenSignature === undefined) {
    throw new GatewayError(
      "DEVICE_REJECTED",
      `${place} can't check a user certificate without security. Use a secure policy.`,
    );
  }
  return {
    userIdentityToken: new X509IdentityToken({ policyId, certificateData: certificate.raw }),
    userTokenSignature,
  };
}

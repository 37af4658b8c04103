import { SecurityPolicy } from "node-opcua-secure-channel";
import { MessageSecurityMode, type EndpointDescription } from "node-opcua-types";
import { GatewayError } from "../../src/adapter-kit/index.ts";
import type { ModeName, OpcuaConnection, PolicyName } from "./mapping.ts";

const policyOf: Readonly<Record<PolicyName, SecurityPolicy>> = {
  none: SecurityPolicy.None,
  basic256sha256: SecurityPolicy.Basic256Sha256,
  "aes128-sha256-rsaoaep": SecurityPolicy.Aes128_Sha256_RsaOaep,
  "aes256-sha256-rsapss": SecurityPolicy.Aes256_Sha256_RsaPss,
};
const modeOf: Readonly<Record<ModeName, MessageSecurityMode>> = {
  sign: MessageSecurityMode.Sign,
  "sign-and-encrypt": MessageSecurityMode.SignAndEncrypt,
};

/** Strongest first, OPC UA Part 7 §6.6.160 ff. */
const strength: readonly PolicyName[] = ["aes256-sha256-rsapss", "basic256sha256", "aes128-sha256-rsaoaep"];
const modes: readonly ModeName[] = ["sign-and-encrypt", "sign"];

/** One way to talk to a server. */
export interface ChosenEndpoint {
  readonly policy: SecurityPolicy;
  readonly mode: MessageSecurityMode;
  readonly description: EndpointDescription;
}

/**
 * The endpoint that the mapping asks for; without a policy, the strongest secure one. `none` only where it is named:
 * else rejects with DEVICE_REJECTED and what is offered.
 */
export function chooseEndpoint(
  offered: readonly EndpointDescription[],
  security: OpcuaConnection["security"],
  place: string,
): ChosenEndpoint {
  const wanted: readonly PolicyName[] = security.policy === undefined ? strength : [security.policy];
  for (const name of wanted) {
    const policy = policyOf[name];
    const usable =
      name === "none"
        ? [MessageSecurityMode.None]
        : modes.filter((m) => (security.mode ?? m) === m).map((m) => modeOf[m]);
    for (const mode of usable) {
      const description = offered.find(
        (one) =>
          one.securityPolicyUri === policy &&
          one.securityMode === mode &&
          (one.endpointUrl ?? "").startsWith("opc.tcp:"),
      );
      if (description !== undefined) return { policy, mode, description };
    }
  }
  throw new GatewayError("DEVICE_REJECTED", `${place} ${refusal(offered, security)}`, {
    context: { offered: offered.map(nameOf) },
  });
}

function refusal(offered: readonly EndpointDescription[], security: OpcuaConnection["security"]): string {
  const secure = offered.some((one) => one.securityMode !== MessageSecurityMode.None);
  if (security.policy === undefined && security.mode === undefined && !secure) {
    return "offers no security at all. Switch it on there; to go without it, say so: `security: { policy: none }`, or `?security.policy=none` behind a URL.";
  }
  const asked = [security.policy ?? "a secure policy", security.mode]
    .filter((one) => one !== undefined)
    .join(", ");
  return `does not offer ${asked}. It offers: ${offered.map(nameOf).join("; ")}.`;
}

function nameOf({ securityPolicyUri, securityMode }: EndpointDescription): string {
  const known = Object.entries(policyOf).find(([, uri]) => uri === securityPolicyUri)?.[0];
  const policy = known ?? securityPolicyUri?.replace(/^.*#/, "") ?? "unknown";
  const mode = Object.entries(modeOf).find(([, one]) => one === securityMode)?.[0];
  return mode === undefined ? policy : `${policy} ${mode}`;
}

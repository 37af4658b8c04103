import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { makePrivateKeyFromPem } from "./library-crypto.ts";
import {
  computeSignature,
  SecurityPolicy,
  verifySignature,
  type Request,
  type Response,
} from "node-opcua-secure-channel";
import type { NodeId } from "node-opcua-nodeid";
import {
  ActivateSessionRequest,
  CloseSessionRequest,
  CreateSessionRequest,
  GetEndpointsRequest,
  MessageSecurityMode,
  type ActivateSessionResponse,
  type CreateSessionResponse,
  type EndpointDescription,
  type GetEndpointsResponse,
} from "node-opcua-types";
import { GatewayError, isAbort, toGatewayError, type AdapterContext } from "../../src/adapter-kit/index.ts";
import { abortable } from "./abortable.ts";
import { Channel, ServiceFaultError } from "./channel.ts";
import { chooseEndpoint, type ChosenEndpoint } from "./endpoint.ts";
import type { OpcuaConnection, OpcuaDevice } from "./mapping.ts";
import { Pki, type ClientIdentity } from "./pki.ts";
import { doubtsAbout, nameOf, readUserCertificate } from "./user-certificate.ts";
import { identityToken, type User } from "./user-identity.ts";

/** How long the server keeps a session that nobody uses, in ms. */
const sessionTimeoutMs = 60_000;
/** A goodbye that takes longer is not waited for. */
const goodbyeMs = 300;
/** The most bytes that a server may answer with. */
const mostResponseBytes = 16_000_000;

/** A session (OPC UA Part 4 §5.6) on a secure channel of its own. */
export class Session {
  readonly channel: Channel;
  readonly #token: NodeId;
  readonly #context: AdapterContext;

  private constructor(channel: Channel, token: NodeId, context: AdapterContext) {
    this.channel = channel;
    this.#token = token;
    this.#context = context;
  }

  /** Rejects as `Adapter.connect` does; an abort leaves nothing open. */
  static async open(device: OpcuaDevice, context: AdapterContext, signal: AbortSignal): Promise<Session> {
    const { connection } = device;
    const place = `${device.device} at ${connection.endpoint}`;
    const offered = await endpointsOf(connection, place, signal);
    const chosen = chooseEndpoint(offered, connection.security, place);
    const pki = new Pki(join(context.files.folder, "opcua"));
    const secure = chosen.mode !== MessageSecurityMode.None;
    const identity = secure ? await pki.identity() : undefined;
    const serverCertificate = chosen.description.serverCertificate ?? Buffer.alloc(0);
    if (secure) {
      const first = connection.security.trust === "on-first-use";
      await pki.requireTrusted(leafOf(serverCertificate), place, first);
    }
    const user = await userOf(connection, context, place);
    const channel = await Channel.open(
      {
        endpoint: connection.endpoint,
        place,
        policy: chosen.policy,
        mode: chosen.mode,
        timeout: connection.timeout,
        ...(secure ? { serverCertificate: leafOf(serverCertificate), identity } : {}),
      },
      signal,
    );
    try {
      const token = await abortable(
        activate(channel, { connection, chosen, identity, user, place, device: device.device }),
        signal,
      );
      return new Session(channel, token, context);
    } catch (caught) {
      channel.close();
      throw isAbort(caught) ? caught : explained(caught, { place, user, now: context.clock.now() });
    }
  }

  /** Sends a request within the session. */
  async request<T extends Response>(
    request: Request,
    options: { readonly timeout?: number; readonly signal?: AbortSignal } = {},
  ): Promise<T> {
    const { metrics, clock } = this.#context;
    request.requestHeader.authenticationToken = this.#token;
    const name = request.schema.name.replace(/Request$/, "");
    const began = clock.monotonic();
    const work = this.channel.request<T>(request, options);
    const response = await (options.signal === undefined ? work : abortable(work, options.signal));
    // A Publish is answered when there is something to say: its round trip means nothing.
    if (name !== "Publish") {
      metrics.request(`${name.charAt(0).toLowerCase()}${name.slice(1)}`, clock.monotonic() - began);
    }
    return response;
  }

  /** Says goodbye where the server still listens; idempotent. */
  async close(): Promise<void> {
    const goodbye = new CloseSessionRequest({ deleteSubscriptions: true });
    goodbye.requestHeader.authenticationToken = this.#token;
    // It ends the channel itself where it takes longer.
    await this.channel.request(goodbye, { timeout: goodbyeMs }).catch(() => undefined);
    this.channel.close();
  }
}

/** What the server offers, asked on a channel without security as Part 4 §5.4.4 has it. */
async function endpointsOf(
  { endpoint, timeout }: OpcuaConnection,
  place: string,
  signal: AbortSignal,
): Promise<readonly EndpointDescription[]> {
  const options = { endpoint, place, policy: SecurityPolicy.None, mode: MessageSecurityMode.None, timeout };
  const channel = await Channel.open(options, signal);
  try {
    const request = new GetEndpointsRequest({ endpointUrl: endpoint, localeIds: [], profileUris: [] });
    const { endpoints } = await abortable(channel.request<GetEndpointsResponse>(request), signal);
    return endpoints ?? [];
  } finally {
    channel.close();
  }
}

/** The first certificate of a chain: DER says its own length. */
function leafOf(chain: Buffer): Buffer {
  if (chain.length < 4 || chain[0] !== 0x30 || chain[1] !== 0x82) return chain;
  return chain.subarray(0, 4 + chain.readUInt16BE(2));
}

async function userOf(connection: OpcuaConnection, context: AdapterContext, place: string): Promise<User> {
  const { user, password, userCertificate } = connection;
  if (userCertificate !== undefined) {
    const read = async (part: "certificate" | "key") => {
      try {
        return await context.files.secret(userCertificate[part]);
      } catch (cause) {
        const { code, message } = toGatewayError(cause);
        throw new GatewayError(code, `${place}: userCertificate.${part}: ${message}`, { cause });
      }
    };
    const [certificate, key] = [await read("certificate"), await read("key")];
    return { kind: "certificate", ...readUserCertificate(certificate, key, place) };
  }
  if (user === undefined) return { kind: "anonymous" };
  return {
    kind: "password",
    name: user,
    password: password === undefined ? "" : await context.files.secret(password),
  };
}

interface Activation {
  readonly connection: OpcuaConnection;
  readonly chosen: ChosenEndpoint;
  readonly identity: ClientIdentity | undefined;
  readonly user: User;
  readonly place: string;
  readonly device: string;
}

/** CreateSession and ActivateSession; resolves with the authentication token. */
async function activate(channel: Channel, activation: Activation): Promise<NodeId> {
  const { connection, chosen, identity, user, place, device } = activation;
  const clientNonce = randomBytes(32);
  const created = await channel.request<CreateSessionResponse>(
    new CreateSessionRequest({
      clientDescription: {
        applicationName: { text: "Linegate" },
        applicationType: 1,
        applicationUri: identity?.applicationUri ?? "urn:linegate",
        productUri: "urn:linegate",
      },
      clientNonce,
      ...(identity === undefined ? {} : { clientCertificate: identity.certificate }),
      endpointUrl: connection.endpoint,
      maxResponseMessageSize: mostResponseBytes,
      requestedSessionTimeout: sessionTimeoutMs,
      sessionName: `linegate ${device}`,
    }),
  );
  const serverCertificate = created.serverCertificate ?? Buffer.alloc(0);
  const serverNonce = created.serverNonce ?? Buffer.alloc(0);
  if (identity !== undefined) requireOwnership(created, chosen, identity, clientNonce, place);
  const key = identity === undefined ? null : makePrivateKeyFromPem(identity.keyPem);
  const leaf = leafOf(serverCertificate);
  const clientSignature =
    key === null ? undefined : computeSignature(serverCertificate, serverNonce, key, chosen.policy);
  const context = {
    endpoint: chosen.description,
    policy: chosen.policy,
    place,
    serverCertificate: leaf,
    serverNonce,
  };
  const request = new ActivateSessionRequest({
    ...(clientSignature === undefined ? {} : { clientSignature }),
    localeIds: [],
    ...identityToken(user, context),
  });
  request.requestHeader.authenticationToken = created.authenticationToken;
  await channel.request<ActivateSessionResponse>(request);
  return created.authenticationToken;
}

/** The server proves that it has the key of the certificate that is trusted (Part 4 §5.6.2.2). */
function requireOwnership(
  { serverCertificate, serverSignature }: CreateSessionResponse,
  { policy, description }: ChosenEndpoint,
  identity: ClientIdentity,
  clientNonce: Buffer,
  place: string,
): void {
  const shown = leafOf(serverCertificate ?? Buffer.alloc(0));
  const same = shown.equals(leafOf(description.serverCertificate ?? Buffer.alloc(0)));
  if (same && verifySignature(identity.certificate, clientNonce, serverSignature, shown, policy)) return;
  throw new GatewayError("DEVICE_REJECTED", `${place} can't prove that its certificate is its own.`);
}

interface Attempt {
  readonly place: string;
  readonly user: User;
  /** Milliseconds since the Unix epoch. */
  readonly now: number;
}

function explained(caught: unknown, { place, user, now }: Attempt): unknown {
  if (!(caught instanceof ServiceFaultError)) return caught;
  const { status } = caught;
  if (user.kind === "certificate" && /^Bad(Identity|User|Certificate(?!Uri)|SecurityChecks)/.test(status)) {
    return new GatewayError(
      "DEVICE_REJECTED",
      `${place} refuses the user certificate of ${nameOf(user.certificate)} (${status}). ${doubtsAbout(user, now)}`,
      { cause: caught, context: { status } },
    );
  }
  if (/^Bad(Identity|User)/.test(status)) {
    const check = user.kind === "password" ? "Check user and password." : "Name a user.";
    return new GatewayError("DEVICE_REJECTED", `${place} refuses the user (${status}). ${check}`, {
      cause: caught,
    });
  }
  // A server that is starting or full is one to come back to.
  if (/^Bad(TooMany|Server|Out|Resource|Shutdown)/.test(status)) {
    return new GatewayError("DEVICE_UNREACHABLE", `${place} takes no session now (${status}).`, {
      cause: caught,
    });
  }
  return caught;
}

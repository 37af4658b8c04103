import { setErrorLogger, setWarningLogger } from "node-opcua-debug";
import {
  ClientSecureChannelLayer,
  type Request,
  type Response,
  type SecurityPolicy,
} from "node-opcua-secure-channel";
import { ClientTCP_transport, type TransportSettingsOptions } from "node-opcua-transport";
import { makePrivateKeyFromPem } from "./library-crypto.ts";
import type { MessageSecurityMode } from "node-opcua-types";
import { GatewayError, toGatewayError } from "../../src/adapter-kit/index.ts";
import { abortable } from "./abortable.ts";
import type { ClientIdentity } from "./pki.ts";
import { qualityOf, statusName } from "./status.ts";

export interface ChannelOptions {
  readonly endpoint: string;
  /** In an operator's words: the device's name and address. */
  readonly place: string;
  readonly policy: SecurityPolicy;
  readonly mode: MessageSecurityMode;
  /** DER; needed where the mode is not None. */
  readonly serverCertificate?: Buffer | undefined;
  readonly identity?: ClientIdentity | undefined;
  /** An answer that takes longer, in ms, ends the channel. */
  readonly timeout: number;
}

/** A request that the library's own timer must never end before ours does: it throws on answers that come late. */
const libraryTimeoutMs = 3_600_000;
const tokenLifetimeMs = 3_600_000;

/** What a server says in a ServiceFault. */
export class ServiceFaultError extends GatewayError {
  /** Such as `BadSubscriptionIdInvalid`. */
  readonly status: string;

  constructor(status: string, message: string) {
    super("DEVICE_REJECTED", message, { context: { status } });
    this.status = status;
  }
}

/** A socket whose garbage ends the connection, not the gateway: the library throws inside its data handler. */
class GuardedTransport extends ClientTCP_transport {
  /** Tells what came of the bytes of the server. */
  onGarbage: ((cause: unknown) => void) | undefined;

  override emit(event: string, ...values: unknown[]): boolean {
    try {
      return super.emit(event as "chunk", ...(values as [Buffer]));
    } catch (cause) {
      this.onGarbage?.(cause);
      return true;
    }
  }
}

/**
 * One secure channel (OPC UA Part 4 §5.5), with the library's retries left out: it lives until `close` or until
 * something goes wrong, and what was asked on it then rejects.
 */
export class Channel {
  readonly #options: ChannelOptions;
  readonly #layer: ClientSecureChannelLayer;
  readonly #transports: GuardedTransport[] = [];
  readonly #lost = Promise.withResolvers<never>();
  #ended = false;

  private constructor(options: ChannelOptions) {
    this.#options = options;
    // A rejection that nobody waits for is no crash: whoever asks next gets it.
    this.#lost.promise.catch(() => undefined);
    const { identity, policy, mode, serverCertificate, timeout } = options;
    this.#layer = new ClientSecureChannelLayer({
      defaultSecureTokenLifetime: tokenLifetimeMs,
      defaultTransactionTimeout: libraryTimeoutMs,
      securityPolicy: policy,
      securityMode: mode,
      ...(serverCertificate === undefined ? {} : { serverCertificate }),
      ...(identity === undefined ? {} : { parent: parentOf(identity) }),
      // Half of it is how long a socket may be quiet; the heartbeat looks after that.
      transportTimeout: Math.max(60_000, timeout * 2),
      connectionStrategy: { maxRetry: 0 },
      transportFactory: { create: (settings) => this.#transport(settings) },
    });
    this.#layer.on("close", (cause) => {
      this.#end(new GatewayError("DEVICE_UNREACHABLE", `${options.place} closed the connection.`, { cause }));
    });
  }

  /** Rejects with DEVICE_UNREACHABLE, DEVICE_TIMEOUT, DEVICE_REJECTED, or the signal's reason. */
  static async open(options: ChannelOptions, signal: AbortSignal): Promise<Channel> {
    signal.throwIfAborted();
    // The library prints; what matters of it comes back as an error here.
    setWarningLogger(() => undefined);
    setErrorLogger(() => undefined);
    const channel = new Channel(options);
    try {
      await abortable(channel.#create(), signal);
      return channel;
    } catch (caught) {
      channel.#end(toGatewayError(caught));
      throw caught;
    }
  }

  /** Rejects when the channel ends; never resolves. */
  get lost(): Promise<never> {
    return this.#lost.promise;
  }

  /** Sends a request and waits for its response; a ServiceFault rejects as `ServiceFaultError`. */
  async request<T extends Response>(
    request: Request,
    options: { readonly timeout?: number } = {},
  ): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const limit = options.timeout ?? this.#options.timeout;
    // In the header the server reads how long the answer is of use (Part 4 §7.33).
    request.requestHeader.timeoutHint = libraryTimeoutMs;
    const timer = setTimeout(() => {
      const what = request.schema.name.replace(/Request$/, "");
      this.#end(
        new GatewayError(
          "DEVICE_TIMEOUT",
          `${this.#options.place} did not answer ${what} within ${limit}ms.`,
        ),
      );
    }, limit);
    try {
      this.#layer.performMessageTransaction(request, (error, response) => {
        const fault = error ? faultOf(error, this.#options.place) : refusalIn(response, this.#options.place);
        if (fault === undefined) resolve(response as T);
        else reject(fault);
      });
      return await Promise.race([promise, this.#lost.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** At once, with what is under way; idempotent. */
  close(): void {
    this.#end(new GatewayError("DEVICE_UNREACHABLE", `The connection to ${this.#options.place} is closed.`));
  }

  #transport(settings?: TransportSettingsOptions): GuardedTransport {
    const transport = new GuardedTransport(settings);
    transport.onGarbage = (cause) =>
      this.#end(
        new GatewayError("PROTOCOL_VIOLATION", `${this.#options.place} sent something that is no OPC UA.`, {
          cause,
        }),
      );
    this.#transports.push(transport);
    return transport;
  }

  async #create(): Promise<void> {
    const { endpoint, place, timeout } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(
      () => reject(new GatewayError("DEVICE_TIMEOUT", `${place} did not connect within ${timeout}ms.`)),
      timeout,
    );
    try {
      this.#layer.create(endpoint, (error) => (error ? reject(unreachable(error, place)) : resolve()));
      await Promise.race([promise, this.#lost.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  #end(error: GatewayError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#lost.reject(error);
    // Each transaction has a timer: they are ended first, then the sockets.
    this.#layer.cancelPendingTransactions(() => undefined);
    this.#layer.dispose();
    for (const transport of this.#transports) transport.dispose();
    this.#layer.removeAllListeners();
  }
}

function parentOf(identity: ClientIdentity) {
  const key = makePrivateKeyFromPem(identity.keyPem);
  return {
    getCertificate: () => identity.certificate,
    getCertificateChain: () => [identity.certificate],
    getPrivateKey: () => key,
  };
}

function faultOf(error: Error, place: string): GatewayError {
  const { response } = error as {
    response?: { responseHeader: { serviceResult: { value: number; name: string } } };
  };
  if (response === undefined) {
    return new GatewayError("DEVICE_UNREACHABLE", `The connection to ${place} broke: ${error.message}`, {
      cause: error,
    });
  }
  const status = statusName(response.responseHeader.serviceResult);
  return new ServiceFaultError(status, `${place} answered ${status}.`);
}

/** Some servers put a bad result into the response proper, in place of a ServiceFault. */
function refusalIn(response: Response | undefined, place: string): GatewayError | undefined {
  const result = response?.responseHeader.serviceResult;
  if (result === undefined || qualityOf(result) !== "bad") return undefined;
  const status = statusName(result);
  return new ServiceFaultError(status, `${place} answered ${status}.`);
}

/** Statuses that say that the server refuses this client for good, not that it is away. */
const refusal = /Bad(Security\w*|Certificate\w*|Identity\w*|UserAccess\w*|Tcp\w*(Url|Uri)\w*)/;

/** The library's words for a socket that the other side closed or reset before it said anything. */
const brokenOff = /ECONNRESET|EPIPE|waiting for data on socket|ended by server|disconnected by third party/;

function unreachable(error: Error, place: string): GatewayError {
  const status = refusal.exec(error.message)?.[0];
  if (status !== undefined) {
    return new GatewayError(
      "DEVICE_REJECTED",
      `${place} refuses the secure channel (${status}). Does it trust the gateway's certificate (own/client.der)?`,
      { cause: error, context: { status } },
    );
  }
  if (brokenOff.test(error.message)) {
    return new GatewayError(
      "DEVICE_UNREACHABLE",
      `${place} took the connection and broke it off at once. Check whether an OPC UA server is on this port, whether it takes one more client, and what stands between, such as a firewall.`,
      { cause: error },
    );
  }
  return new GatewayError(
    "DEVICE_UNREACHABLE",
    `${place} can't be reached: ${error.message}. Check its power and its network.`,
    {
      cause: error,
    },
  );
}

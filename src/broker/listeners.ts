import { readFile } from "node:fs/promises";
import { createServer as createHttpsServer } from "node:https";
import { createServer, type Server, type Socket } from "node:net";
import { resolve } from "node:path";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import { http } from "../adapter-kit/node-http.ts";
import type { BrokerConfig, ListenAddress, TlsConfig } from "../config/gateway-schema.ts";
import { GatewayError } from "../domain/errors.ts";
import { listenerRefusal } from "../security/loopback.ts";
import type { Transport } from "./connection.ts";
import type { BrokerCounters } from "./counters.ts";
import { acceptWebSockets } from "./web-socket.ts";

/** Where MQTT clients can connect, real ports included. */
export interface BrokerAddresses {
  readonly mqtt: ListenAddress;
  readonly mqtts?: ListenAddress;
  readonly ws?: ListenAddress;
}

export interface ListenersOptions {
  readonly siteDir: string;
  readonly counters: BrokerCounters;
  /** Sockets at once on each listener; beyond, new ones are closed unheard. */
  readonly mostSockets: number;
  readonly handshakeTimeoutMs: number;
  /** Bytes of one WebSocket message. */
  readonly messageBytes: number;
  /** True where nobody has to log in: then no page of somewhere else may use the user's browser to come in. */
  readonly open: boolean;
  readonly accept: (transport: Transport, address: string) => void;
}

/** The broker's listeners: MQTT over TCP, TLS and WebSocket. */
export class Listeners {
  readonly #config: BrokerConfig;
  readonly #options: ListenersOptions;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  #opening: Promise<BrokerAddresses> | undefined;
  #closed = false;

  constructor(config: BrokerConfig, options: ListenersOptions) {
    this.#config = config;
    this.#options = options;
  }

  /** Opens all of them. Rejects with CONFIG_INVALID where a port is taken or a certificate can't be read. */
  async open(): Promise<BrokerAddresses> {
    this.#opening = this.#openAll();
    try {
      return await this.#opening;
    } catch (caught) {
      await this.close();
      throw caught;
    }
  }

  async #openAll(): Promise<BrokerAddresses> {
    const { listen, tls, websocket } = this.#config;
    const mqtt = await this.#listen(createServer(this.#accept), listen);
    return {
      mqtt,
      ...(tls === undefined ? {} : { mqtts: await this.#listenTls(tls) }),
      ...(websocket === undefined ? {} : { ws: await this.#listenWebSocket(websocket) }),
    };
  }

  /** Closes the listeners and every socket that came through them. */
  async close(): Promise<void> {
    this.#closed = true;
    // One that is opening now would otherwise stand after all others are closed.
    await this.#opening?.catch(() => undefined);
    const closed = this.#servers.splice(0).map(async (server) => {
      const done = Promise.withResolvers<void>();
      server.close(() => done.resolve());
      await done.promise;
    });
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }

  readonly #accept = (socket: Socket): void => {
    // Small packets must not wait for each other; and a peer whose machine is gone is noticed within minutes.
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 30_000);
    this.#options.accept(socket, socket.remoteAddress ?? "");
  };

  async #listenTls(tls: TlsConfig): Promise<ListenAddress> {
    const server = createTlsServer(await this.#tlsOptions(tls), this.#accept);
    return this.#listen(this.#countingTls(server), tls.listen);
  }

  async #listenWebSocket({ listen, tls }: NonNullable<BrokerConfig["websocket"]>): Promise<ListenAddress> {
    const { handshakeTimeoutMs } = this.#options;
    const timeouts = { headersTimeout: handshakeTimeoutMs, requestTimeout: handshakeTimeoutMs };
    const server =
      tls === undefined
        ? http.createServer(timeouts)
        : this.#countingTls(createHttpsServer({ ...(await this.#tlsOptions(tls)), ...timeouts }));
    await acceptWebSockets(server, this.#options);
    return this.#listen(server, listen);
  }

  #countingTls<S extends Server>(server: S): S {
    server.on("tlsClientError", () => (this.#options.counters.rejected.tls += 1));
    return server;
  }

  async #tlsOptions({ cert, key, ca }: Omit<TlsConfig, "listen">): Promise<TlsOptions> {
    const read = async (path: string) => {
      try {
        return await readFile(resolve(this.#options.siteDir, path));
      } catch (cause) {
        throw new GatewayError("CONFIG_INVALID", `${path} of the broker's TLS can't be read.`, { cause });
      }
    };
    return {
      cert: await read(cert),
      key: await read(key),
      minVersion: "TLSv1.2",
      handshakeTimeout: this.#options.handshakeTimeoutMs,
      ...(ca === undefined ? {} : { ca: await read(ca), requestCert: true, rejectUnauthorized: true }),
    };
  }

  async #listen(server: Server, { host, port }: ListenAddress): Promise<ListenAddress> {
    const refusal = listenerRefusal({ host, port }, this.#options.open);
    if (refusal !== undefined) throw new GatewayError("CONFIG_INVALID", refusal, { context: { host, port } });
    if (this.#closed) throw new GatewayError("INTERNAL", "The broker was stopped while it started.");
    server.maxConnections = this.#options.mostSockets;
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    server.on("drop", () => (this.#options.counters.rejected.connections += 1));
    const listening = Promise.withResolvers<void>();
    // Stays: an accept that fails for want of file descriptors comes this way too, and must not end the gateway.
    server.on("error", listening.reject);
    server.listen({ host, port, backlog: 511 }, () => listening.resolve());
    try {
      await listening.promise;
    } catch (cause) {
      throw new GatewayError(
        "CONFIG_INVALID",
        `The broker can't listen on ${host}:${port}. Is another program listening there? Check \`broker\` in gateway.yaml.`,
        { cause, context: { host, port } },
      );
    }
    this.#servers.push(server);
    const address = server.address();
    return { host, port: typeof address === "object" && address !== null ? address.port : port };
  }
}

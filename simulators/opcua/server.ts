import { X509Certificate } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import type { Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OPCUACertificateManager } from "node-opcua-certificate-manager";
import type { DataValue } from "node-opcua-data-value";
import { MessageSecurityMode, SecurityPolicy } from "node-opcua-secure-channel";
import { OPCUAServer } from "node-opcua-server";
import { GatewayError } from "../../src/domain/errors.ts";
import { addLine, type LineNodes } from "./line-nodes.ts";
import { lackedByMini, nodesetFile } from "./nodeset.ts";
import { judgeRequests, type Judge } from "./service-faults.ts";
import { addVariables, type SimulatedVariable, type VariableSpec } from "./variables.ts";

/** The server's clock as its address space reads it. */
interface ServerTime {
  readValue(): DataValue;
  readValueAsync(context: unknown, callback: (error: null, value: DataValue) => void): void;
}

export interface OpcuaSimulatorOptions {
  /** 127.0.0.1 by default. */
  readonly host?: string;
  /** 0, the default, takes a free one; it is kept over restarts. */
  readonly port?: number;
  /** What the endpoint's address ends in, such as `/line`; nothing by default. Any other is answered as well. */
  readonly path?: string;
  /** Sign and encrypt beside, or in place of, no security. */
  readonly security?: "none" | "both" | "required";
  /** Users and their passwords; with none of them everybody is let in. */
  readonly users?: Readonly<Record<string, string>>;
  /** Certificates of users (PEM) that are let in, and no others; without the key all of them are. */
  readonly userCertificates?: readonly string[];
  /** Variables by node id with namespace URI. */
  readonly variables?: readonly VariableSpec[];
  /** The example press: fast, bad and uncertain nodes, structures, a method, an alarm. Needs the whole standard nodeset. */
  readonly line?: boolean;
  /** So many browse results may be continued at once; without the key, however many. */
  readonly continuationPoints?: number;
  /** The line's server takes no ConditionRefresh. */
  readonly refusesRefresh?: boolean;
}

const securePolicies = [
  SecurityPolicy.Basic256Sha256,
  SecurityPolicy.Aes128_Sha256_RsaOaep,
  SecurityPolicy.Aes256_Sha256_RsaPss,
];

/** An OPC UA server on node-opcua's server part, with the faults that PLCs and their networks know. */
export class OpcuaSimulator {
  readonly #options: OpcuaSimulatorOptions;
  readonly #folder: string;
  #server: OPCUAServer | undefined;
  #port: number;
  #contacts = 0;
  #prefix = "Press";
  #reversed = false;
  #line: LineNodes | undefined;
  #judge: Judge | undefined;
  readonly #sockets = new Set<Socket>();
  #variables: ReadonlyMap<string, SimulatedVariable> = new Map();

  private constructor(options: OpcuaSimulatorOptions, folder: string) {
    this.#options = options;
    this.#folder = folder;
    this.#port = options.port ?? 0;
  }

  /** Rejects with CONFIG_INVALID where the port is taken. */
  static async start(options: OpcuaSimulatorOptions = {}): Promise<OpcuaSimulator> {
    const folder = await mkdtemp(join(tmpdir(), "linegate-opcua-"));
    const simulator = new OpcuaSimulator(options, folder);
    try {
      await simulator.#listen();
      return simulator;
    } catch (cause) {
      await simulator.stop();
      throw new GatewayError("CONFIG_INVALID", `The OPC UA simulator can't listen: ${String(cause)}`, {
        cause,
      });
    }
  }

  get host(): string {
    return this.#options.host ?? "127.0.0.1";
  }

  get port(): number {
    return this.#port;
  }

  get endpoint(): string {
    const host = this.host.includes(":") ? `[${this.host}]` : this.host;
    return `opc.tcp://${host}:${this.#port}${this.#options.path ?? ""}`;
  }

  /** Grows with every session. */
  get contacts(): number {
    return this.#contacts;
  }

  /** What the nodes of the line can be made to do. */
  get line(): LineNodes {
    if (this.#line !== undefined) return this.#line;
    throw new GatewayError("INTERNAL", "this simulator has no line");
  }

  /** A variable of `variables`, by its node id. */
  variable(node: string): SimulatedVariable {
    const found = this.#variables.get(node);
    if (found !== undefined) return found;
    throw new GatewayError("INTERNAL", `this simulator has no variable ${node}`);
  }

  /** Off and on again: connections break, sessions and subscriptions are gone. */
  async restart(): Promise<void> {
    await this.#unlisten();
    await this.#listen();
  }

  /** A download into the PLC: the namespaces stand in another order, and ids may begin with another prefix. */
  async download(prefix = this.#prefix): Promise<void> {
    this.#prefix = prefix;
    this.#reversed = !this.#reversed;
    await this.restart();
  }

  /** The server forgets its subscriptions; connections and sessions stay. */
  loseSubscriptions(): void {
    for (const session of this.#sessions()) {
      for (const { subscriptionId } of session.publishEngine.subscriptions)
        session.deleteSubscription(subscriptionId);
    }
  }

  /** Requests that `judge` names a status for are answered with a ServiceFault; it may change others. Returns the way back. */
  fault(judge: Judge): () => void {
    this.#judge = judge;
    return () => {
      this.#judge = undefined;
    };
  }

  /** The server hangs: it takes bytes no more, and connections stay open. Returns the way to wake it. */
  hang(): () => void {
    const sockets = [...this.#sockets];
    for (const socket of sockets) socket.pause();
    return () => {
      for (const socket of sockets) socket.resume();
    };
  }

  /** Publishing goes on, and nothing changes any more, not even the server's clock. Returns the way to let it go on. */
  standStill(): () => void {
    const time = this.#server?.engine.addressSpace?.findNode("i=2258") as unknown as ServerTime | undefined;
    const frozen = time?.readValue();
    // The server's engine moves the value behind every binding, so that reading itself is replaced.
    if (time !== undefined && frozen !== undefined) {
      time.readValue = () => frozen;
      time.readValueAsync = (_context, callback) => callback(null, frozen);
    }
    this.#line?.pause(true);
    return () => {
      if (time !== undefined) Reflect.deleteProperty(time, "readValue");
      if (time !== undefined) Reflect.deleteProperty(time, "readValueAsync");
      this.#line?.pause(false);
    };
  }

  /** Idempotent; leaves no timer, no socket and no file. */
  async stop(): Promise<void> {
    await this.#unlisten();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #listen(): Promise<void> {
    const { security = "none", users, userCertificates, line = false, path = "" } = this.#options;
    const { refusesRefresh = false, variables = [], continuationPoints } = this.#options;
    const whole = line || variables.some(({ builtIn }) => lackedByMini.has(builtIn));
    const modes = security === "none" ? [] : [MessageSecurityMode.Sign, MessageSecurityMode.SignAndEncrypt];
    const certificates = (name: string, acceptsUnknown: boolean) =>
      new OPCUACertificateManager({
        rootFolder: join(this.#folder, name),
        automaticallyAcceptUnknownCertificate: acceptsUnknown,
        disableFileWatchers: true,
      });
    const userCertificateManager = certificates("users", userCertificates === undefined);
    const server = new OPCUAServer({
      host: this.host,
      hostname: this.host,
      port: this.#port,
      resourcePath: path,
      nodeset_filename: [nodesetFile(whole ? "standard" : "mini")],
      serverInfo: { applicationUri: "urn:linegate:simulator" },
      allowAnonymous: users === undefined,
      ...(users === undefined
        ? {}
        : { userManager: { isValidUser: (user: string, word: string) => users[user] === word } }),
      securityModes: [...(security === "required" ? [] : [MessageSecurityMode.None]), ...modes],
      securityPolicies: [
        ...(security === "required" ? [] : [SecurityPolicy.None]),
        ...(security === "none" ? [] : securePolicies),
      ],
      serverCertificateManager: certificates("pki", true),
      userCertificateManager,
      disableDiscovery: false,
      maxConnectionsPerEndpoint: 100,
      serverCapabilities: {
        maxSessions: 100,
        ...(continuationPoints === undefined ? {} : { maxBrowseContinuationPoints: continuationPoints }),
        operationLimits: {
          maxMonitoredItemsPerCall: 100,
          maxNodesPerRead: 100,
          maxNodesPerTranslateBrowsePathsToNodeIds: 50,
        },
      },
    });
    this.#server = server;
    judgeRequests(server, (request) => this.#judge?.(request));
    await server.initialize();
    for (const pem of userCertificates ?? []) {
      await userCertificateManager.trustCertificate(new X509Certificate(pem).raw);
    }
    server.on("create_session", () => {
      this.#contacts += 1;
    });
    const space = server.engine.addressSpace;
    if (!space) throw new GatewayError("INTERNAL", "the simulator has no address space");
    // The event that it raises for a client that named it otherwise is of a type that the mini nodeset lacks.
    if (!whole) space.rootFolder.objects.server.raiseEvent = () => undefined;
    if (line) {
      this.#line = addLine(space, { prefix: this.#prefix, reversed: this.#reversed, refusesRefresh });
    }
    this.#variables = addVariables(space, variables);
    await server.start();
    this.#port = server.endpoints[0]?.port ?? this.#port;
    const { _server: listener } = server.endpoints[0] as unknown as { readonly _server?: Server };
    listener?.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
  }

  async #unlisten(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    this.#line?.stop();
    this.#line = undefined;
    await server?.shutdown(0).catch(() => undefined);
  }

  #sessions() {
    const engine = this.#server?.engine as unknown as {
      readonly _sessions?: Readonly<
        Record<
          string,
          {
            readonly publishEngine: {
              readonly subscriptions: readonly { readonly subscriptionId: number }[];
            };
            deleteSubscription(id: number): unknown;
          }
        >
      >;
    };
    return Object.values(engine?._sessions ?? {});
  }
}

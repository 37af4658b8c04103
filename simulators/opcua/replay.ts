import { parseNodeAddress } from "../../adapters/opcua/node-address.ts";
import { statusCodeOf } from "../../adapters/opcua/status.ts";
import { GatewayError, toGatewayError } from "../../src/domain/errors.ts";
import type { Recording } from "../../src/trace/frame-reader.ts";
import type { ReplayOptions, Replayer, RunningReplay } from "../site/replayer.ts";
import { endpointPath } from "./endpoint-path.ts";
import { recordedVariant } from "./recorded-variant.ts";
import { changesOf, type RecordedChange } from "./recorded-values.ts";
import { OpcuaSimulator } from "./server.ts";
import type { VariableSpec } from "./variables.ts";

/** A recorded OPC UA device as a server: its variables under their ids, with what they became at its times. */
export const opcuaReplayer: Replayer = {
  start: (recording, options) => ReplayServer.start(recording, options),
};

/** Between the last change and the first again. */
const breakMs = 1_000;

/** What of a recorded mapping a replay goes by. */
interface RecordedMapping {
  readonly connection?: { readonly endpoint?: string; readonly security?: { readonly policy?: string } };
  readonly tags?: readonly {
    readonly name: string;
    readonly options: { readonly node?: string; readonly path?: string };
    readonly write?: unknown;
  }[];
}

class ReplayServer implements RunningReplay {
  readonly #server: OpcuaSimulator;
  readonly #changes: readonly RecordedChange[];
  readonly #startedAt: number;
  readonly #options: ReplayOptions;
  readonly #left: number;
  readonly #stop = new AbortController();
  readonly #playing: Promise<void>;

  private constructor(
    server: OpcuaSimulator,
    changes: readonly RecordedChange[],
    parts: { readonly startedAt: number; readonly left: number; readonly options: ReplayOptions },
  ) {
    this.#server = server;
    this.#changes = changes;
    this.#startedAt = parts.startedAt;
    this.#left = parts.left;
    this.#options = parts.options;
    this.#playing = this.#play();
  }

  static async start({ header, frames }: Recording, options: ReplayOptions): Promise<ReplayServer> {
    const told = changesOf(frames);
    const all = told.filter(isPlayable);
    const mapping = (header.mapping ?? {}) as RecordedMapping;
    const variables = variablesOf(all, mapping);
    if (variables.length === 0) {
      throw new GatewayError("CONFIG_INVALID", "The recording holds no value that a server could show.");
    }
    const shown = new Map(variables.map(({ node, builtIn }) => [node, builtIn]));
    const changes = all.filter(({ node, type }) => fits(type, shown.get(node)));
    const left = new Set(told.map(({ node }) => node)).size - shown.size;
    const host = options.host ?? "127.0.0.1";
    const port = options.port ?? recordedPort(mapping);
    const security = mapping.connection?.security?.policy === "none" ? "none" : "required";
    try {
      const server = await OpcuaSimulator.start({
        host,
        port,
        path: recordedPath(mapping),
        security,
        variables,
      });
      return new ReplayServer(server, changes, { startedAt: header.startedAt, left, options });
    } catch (cause) {
      throw new GatewayError(
        "CONFIG_INVALID",
        `Can't listen on ${host}:${port}: ${toGatewayError(cause).message} Choose another with --port.`,
        { cause },
      );
    }
  }

  get place(): string {
    const seconds = (this.#changes.at(-1)?.at ?? 0) / 1_000;
    const left = this.#left === 0 ? "" : `; ${this.#left} nodes left out (structures, the server's own)`;
    return `OPC UA at ${this.#server.endpoint}, ${seconds.toFixed(1)} s again and again${left}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#playing;
    await this.#server.stop();
  }

  async #play(): Promise<void> {
    const { clock, speed } = this.#options;
    const { signal } = this.#stop;
    const first = new Map<string, RecordedChange>();
    for (const change of this.#changes) if (!first.has(change.node)) first.set(change.node, change);
    while (!signal.aborted) {
      const [startedAt, began] = [clock.monotonic(), clock.now()];
      // The device's clock goes on from now: what lay between two values lies between them again.
      const timeOf = (source: number) => new Date(began + (source - this.#startedAt) / speed);
      // It held its values when the recording began.
      for (const change of first.values()) this.#put(change, timeOf);
      for (const change of this.#changes) {
        const wait = startedAt + change.at / speed - clock.monotonic();
        if (wait > 0) await clock.sleep(wait, signal).catch(() => undefined);
        if (signal.aborted) return;
        this.#put(change, timeOf);
      }
      await clock.sleep(breakMs, signal).catch(() => undefined);
    }
  }

  #put({ node, value, type, status, source, at }: RecordedChange, timeOf: (source: number) => Date): void {
    const variant = value === null || type === undefined ? undefined : recordedVariant(value, type);
    this.#server.variable(node).put(variant, statusCodeOf(status), timeOf(source ?? this.#startedAt + at));
  }
}

/** A variable for each node that had a value, of the type that it had first. */
function variablesOf(changes: readonly RecordedChange[], mapping: RecordedMapping): readonly VariableSpec[] {
  const tags = new Map((mapping.tags ?? []).map((tag) => [tag.options.node ?? tag.options.path, tag]));
  const nodes = new Map<string, VariableSpec>();
  for (const { node, type } of changes) {
    const [, builtIn = "", dimensions] = /^(\w+)(?:\[([\d,]*)\])?$/.exec(type ?? "") ?? [];
    if (nodes.has(node) || builtIn === "" || builtIn === "ExtensionObject" || isOwn(node)) continue;
    const tag = tags.get(node);
    nodes.set(node, {
      node,
      name: tag?.name.split("/").at(-1) ?? node,
      builtIn,
      ...(dimensions === undefined ? {} : { dimensions: dimensions.split(",").map(() => 0) }),
      writable: tag?.write !== undefined,
    });
  }
  return [...nodes.values()];
}

/** A node of the OPC UA namespace: every server has its own. */
function isOwn(node: string): boolean {
  const namespace = parseNodeAddress(node)?.namespace;
  return namespace !== undefined && "index" in namespace && namespace.index === 0;
}

/** False for values of types that nobody can write, and for what was recorded as something else than its type. */
function isPlayable({ value, type }: RecordedChange): boolean {
  return value === null || type === undefined || recordedVariant(value, type) !== undefined;
}

function fits(type: string | undefined, builtIn: string | undefined): boolean {
  return builtIn !== undefined && (type === undefined || type.replace(/\[.*$/, "") === builtIn);
}

/** The port of the mapping's endpoint; OPC UA's own where it names none. */
function recordedPort({ connection }: RecordedMapping): number {
  const endpoint = connection?.endpoint;
  return Number((endpoint === undefined ? undefined : URL.parse(endpoint)?.port) || 4840);
}

/** Gateways find it under the path that the recorded server had. */
function recordedPath({ connection }: RecordedMapping): string {
  return endpointPath(connection?.endpoint ?? "");
}

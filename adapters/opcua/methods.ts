import { coerceNodeId, type NodeId } from "node-opcua-nodeid";
import { CallRequest, type CallResponse } from "node-opcua-types";
import type { Variant } from "node-opcua-variant";
import { GatewayError, type JsonValue, type Sample, type TagValue } from "../../src/adapter-kit/index.ts";
import type { AddressSpace } from "./address-space.ts";
import type { DataTypes } from "./data-types.ts";
import type { OpcuaTag } from "./mapping.ts";
import { badSample } from "./sample-of.ts";
import type { Session } from "./session.ts";
import { qualityOf, statusName } from "./status.ts";
import { variantOf } from "./variant-of.ts";
import { valueOf } from "./variant-value.ts";

const hasProperty = coerceNodeId("i=46");

/** Said before a method is begun (OPC UA Part 4 §5.12.2); all else comes from the method itself. */
const neverRun =
  /^Bad(MethodInvalid|NotExecutable|NodeId\w+|ArgumentsMissing|TooManyArguments|InvalidArgument|UserAccessDenied|SecurityModeInsufficient)$/;
const unknownWhat = " What it did before it failed, the server does not say.";

interface Argument {
  readonly name: string | null;
  readonly dataType: NodeId;
}

/** Methods as tags: a write of a list of arguments calls one, its last results are what the tag holds. */
export class Methods {
  readonly #session: Session;
  readonly #space: AddressSpace;
  readonly #types: DataTypes;
  readonly #results = new Map<string, Sample>();

  constructor(session: Session, space: AddressSpace, types: DataTypes) {
    this.#session = session;
    this.#space = space;
    this.#types = types;
  }

  /** The last results; bad (`NotCalled`) before the first call. */
  last(tag: string): Sample {
    return this.#results.get(tag) ?? badSample(tag, "NotCalled");
  }

  /** Rejects with DEVICE_REJECTED, the server's status, and whether it may have run (`sent`); with WRITE_REFUSED where the arguments are not its own. */
  async call(tag: OpcuaTag, value: TagValue, signal: AbortSignal): Promise<void> {
    const objectId = this.#node(tag, tag.options.object ?? "");
    const methodId = this.#node(tag, tag.options.method ?? "");
    const given: readonly JsonValue[] = Array.isArray(value)
      ? value
      : [typeof value === "bigint" ? `${value}` : value];
    const inputArguments = await this.#arguments(tag, methodId, given, signal);
    const request = new CallRequest({ methodsToCall: [{ objectId, methodId, inputArguments }] });
    const { results } = await this.#session.request<CallResponse>(request, { signal });
    const result = results?.[0];
    if (result === undefined || qualityOf(result.statusCode) === "bad") {
      const status = result === undefined ? "BadUnexpectedError" : statusName(result.statusCode);
      const wrong = (result?.inputArgumentResults ?? []).findIndex((one) => qualityOf(one) === "bad");
      const sent = !(wrong >= 0 || neverRun.test(status));
      const what = wrong >= 0 ? ` Argument ${wrong + 1} is at fault.` : sent ? unknownWhat : "";
      throw new GatewayError("DEVICE_REJECTED", `The method ${tag.name} answered ${status}.${what}`, {
        context: { status, sent },
      });
    }
    const outputs = (result.outputArguments ?? []).map((one) => {
      const output = valueOf(one);
      return typeof output === "bigint" ? `${output}` : output;
    });
    this.#results.set(tag.name, { tag: tag.name, value: outputs, quality: "good" });
  }

  #node(tag: OpcuaTag, text: string): NodeId {
    const resolved = this.#space.nodeId(text);
    if ("id" in resolved) return resolved.id;
    throw new GatewayError(
      "DEVICE_REJECTED",
      `${tag.name}: the server does not know ${text} (${resolved.bad}).`,
      {
        context: { status: resolved.bad },
      },
    );
  }

  async #arguments(
    tag: OpcuaTag,
    methodId: NodeId,
    given: readonly JsonValue[],
    signal: AbortSignal,
  ): Promise<Variant[]> {
    const declared = await this.#declared(methodId, signal);
    if (declared.length !== given.length) {
      const names = declared.map(({ name }, index) => name || `argument ${index + 1}`).join(", ");
      throw new GatewayError(
        "WRITE_REFUSED",
        `${tag.name} takes ${declared.length} arguments${declared.length === 0 ? "" : ` (${names})`}, found ${given.length}.`,
      );
    }
    const variants: Variant[] = [];
    for (const [index, { name, dataType }] of declared.entries()) {
      const builtIn = await this.#types.builtIn(dataType, signal);
      const one = given[index];
      if (one === null || one === undefined)
        throw new GatewayError("WRITE_REFUSED", `${tag.name}: ${name} has no value.`);
      variants.push(variantOf(one, builtIn, name ?? `argument ${index + 1}`));
    }
    return variants;
  }

  /** The InputArguments property; a method without one takes none (OPC UA Part 3 §5.7). */
  async #declared(methodId: NodeId, signal: AbortSignal): Promise<readonly Argument[]> {
    const [node] = await this.#space.children([methodId], hasProperty, "InputArguments", signal);
    if (node === undefined) return [];
    const [data] = await this.#space.read([node], signal);
    const value: unknown = data?.value?.value;
    return Array.isArray(value) ? (value as readonly Argument[]) : [];
  }
}

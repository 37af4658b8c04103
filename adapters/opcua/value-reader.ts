import { OpaqueStructure } from "node-opcua-extension-object";
import type { DataValue } from "node-opcua-data-value";
import { DataType } from "node-opcua-variant";
import type { Sample } from "../../src/adapter-kit/index.ts";
import { badSample, sampleOf, type SampleRule } from "./sample-of.ts";
import type { Session } from "./session.ts";
import type { Structures } from "./structures.ts";

/** Decodes data values; structures of the server's own types after asking it what they look like, once a type. */
export class ValueReader {
  readonly #session: Session;
  #structures: Promise<Structures> | undefined;

  constructor(session: Session) {
    this.#session = session;
  }

  /** The sample, or undefined where the type must be asked for first: then it comes late. */
  sample(rule: SampleRule, data: DataValue, onLate: (sample: Sample) => void): Sample | undefined {
    if (!isOpaque(data)) return sampleOf(rule, data);
    void this.#promoted(rule, data).then(onLate);
    return undefined;
  }

  /** The same, waiting where it must. */
  async decode(rule: SampleRule, data: DataValue): Promise<Sample> {
    return isOpaque(data) ? this.#promoted(rule, data) : sampleOf(rule, data);
  }

  async #promoted(rule: SampleRule, data: DataValue): Promise<Sample> {
    try {
      this.#structures ??= import("./structures.ts").then(({ Structures }) => new Structures(this.#session));
      await (await this.#structures).promote(data);
    } catch {
      return badSample(rule.tag, "BadDataTypeIdUnknown");
    }
    return isOpaque(data) ? badSample(rule.tag, "BadDataTypeIdUnknown") : sampleOf(rule, data);
  }
}

function isOpaque({ value }: DataValue): boolean {
  if (value?.dataType !== DataType.ExtensionObject) return false;
  const content: unknown = value.value;
  if (Array.isArray(content)) return content.some((one) => one instanceof OpaqueStructure);
  return content instanceof OpaqueStructure;
}

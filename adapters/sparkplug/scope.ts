import { GatewayError } from "../../src/adapter-kit/index.ts";
import { typeOfNumber, type TypeName } from "./datatype.ts";
import type { WireMetric, WirePayload } from "./payload.ts";
import type { Uint64 } from "./wire.ts";

/** A birth certificate with more metrics is refused: what one node may make the gateway remember has an end. */
const mostMetrics = 20_000;

/** A metric that a birth certificate declared. */
export interface KnownMetric {
  readonly name: string;
  readonly alias: Uint64 | undefined;
  /** Undefined for a datatype that this specification does not have. */
  readonly type: TypeName | undefined;
}

/** What one birth certificate declared: the metrics of an edge node itself, or of one of its devices. */
export class Scope {
  /** What the birth certificate said of each metric. */
  readonly birth: WirePayload;
  readonly metrics: ReadonlyMap<string, KnownMetric>;
  readonly #byAlias = new Map<Uint64, KnownMetric>();

  /** Throws PROTOCOL_VIOLATION where there are too many metrics, or two with one alias (§6.4.6). */
  constructor(birth: WirePayload) {
    if (birth.metrics.length > mostMetrics)
      throw new GatewayError(
        "PROTOCOL_VIOLATION",
        `Its birth certificate has ${birth.metrics.length} metrics, ${mostMetrics} are the most.`,
      );
    const metrics = new Map<string, KnownMetric>();
    for (const { name, alias, datatype } of birth.metrics) {
      if (name === undefined) continue;
      const known = { name, alias, type: typeOfNumber(datatype) };
      metrics.set(name, known);
      if (alias === undefined) continue;
      const other = this.#byAlias.get(alias);
      if (other !== undefined && other.name !== name)
        throw new GatewayError(
          "PROTOCOL_VIOLATION",
          `Its birth certificate gives the alias ${alias} to both ${other.name} and ${name}.`,
        );
      this.#byAlias.set(alias, known);
    }
    this.birth = birth;
    this.metrics = metrics;
  }

  /** The metric that a message names, by its name or its alias. */
  find({ name, alias }: WireMetric): KnownMetric | undefined {
    if (name !== undefined) return this.metrics.get(name);
    return alias === undefined ? undefined : this.#byAlias.get(alias);
  }
}

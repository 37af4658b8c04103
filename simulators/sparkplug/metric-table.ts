import type { TypeName } from "../../adapters/sparkplug/datatype.ts";
import type { MetricToSend } from "../../adapters/sparkplug/encode.ts";
import type { TagValue } from "../../src/domain/reading.ts";

interface Metric {
  readonly name: string;
  readonly alias: number;
  readonly type: TypeName;
  value: TagValue | null;
  changed: boolean;
}

/** The metrics of an edge node itself, or of one device behind it. */
export class MetricTable {
  readonly #metrics = new Map<string, Metric>();
  readonly #byAlias = new Map<number, Metric>();

  /** `alias` is unique on the whole edge node. */
  define(name: string, type: TypeName, alias: number): void {
    const metric: Metric = { name, alias, type, value: null, changed: false };
    this.#metrics.set(name, metric);
    this.#byAlias.set(alias, metric);
  }

  /** A value of the metric's type; null for none. Names that are not there are passed over. */
  set(name: string, value: TagValue | null): void {
    const metric = this.#metrics.get(name);
    if (metric === undefined || metric.value === value) return;
    metric.value = value;
    metric.changed = true;
  }

  get(name: string): TagValue | null | undefined {
    return this.#metrics.get(name)?.value;
  }

  /** The name of a metric that a command names by its name or its alias. */
  nameOf(name: string | undefined, alias: number | bigint | undefined): string | undefined {
    const metric = name === undefined ? this.#byAlias.get(Number(alias)) : this.#metrics.get(name);
    return metric?.name;
  }

  /** A node answers a command though it changes nothing. */
  touch(name: string): void {
    const metric = this.#metrics.get(name);
    if (metric !== undefined) metric.changed = true;
  }

  typeOf(name: string): TypeName | undefined {
    return this.#metrics.get(name)?.type;
  }

  /** All, by name, alias and type: a birth certificate's. */
  birth(timestamp: number): MetricToSend[] {
    return [...this.#metrics.values()].map((metric) => {
      metric.changed = false;
      const { name, alias, type, value } = metric;
      return { name, alias, timestamp, type, value };
    });
  }

  /** What changed since it was last sent, by alias. */
  changes(timestamp: number): MetricToSend[] {
    return [...this.#metrics.values()].flatMap((metric) => {
      if (!metric.changed) return [];
      metric.changed = false;
      const { alias, type, value } = metric;
      return [{ alias, timestamp, type, value }];
    });
  }
}

import { tables } from "../../adapters/modbus/address.ts";
import { compileDecoder, encodeValue, registerMask } from "../../adapters/modbus/codec.ts";
import type { ModbusDevice, ModbusTag } from "../../adapters/modbus/mapping.ts";
import { spanOf } from "../../adapters/modbus/tag.ts";
import type { TagValue } from "../../src/domain/reading.ts";
import { compileScaling } from "../../src/normalise/scaling.ts";
import type { Unit } from "../modbus/server.ts";
import { rawOf } from "./raw-value.ts";
import type { SimulatedDevice, SimulatedTag } from "./simulated-device.ts";

/** A Modbus device as its mapping describes it: the tags' values lie in the registers of one unit of a server. */
export class SimulatedModbusDevice implements SimulatedDevice {
  readonly mapping: ModbusDevice;
  readonly tags: readonly (SimulatedTag & { readonly mapping: ModbusTag })[];
  readonly place: string;
  readonly #unit: Unit;
  readonly #byName: ReadonlyMap<string, ModbusTag>;

  constructor(mapping: ModbusDevice, unit: Unit, place: string) {
    this.mapping = mapping;
    this.tags = mapping.tags.map((tag) => ({ name: tag.name, mapping: tag }));
    this.place = place;
    this.#unit = unit;
    this.#byName = new Map(mapping.tags.map((tag) => [tag.name, tag]));
  }

  /**
   * Addresses before the first and behind the last tag of a table answer exception 2, as a PLC's do that end somewhere;
   * so do the holes of the mapping.
   */
  keepMapped(): void {
    const spans = this.mapping.tags.map(spanOf);
    for (const name of tables) {
      const mapped = spans.filter(({ table }) => table === name);
      const first = Math.min(...mapped.map(({ start }) => start));
      const last = Math.max(...mapped.map(({ start, length }) => start + length - 1));
      this.#unit[name].keepOnly(...(mapped.length === 0 ? [] : [[first, last] as const]));
    }
    for (const hole of this.mapping.options.requests.holes)
      this.#unit[hole.table].remove(hole.start, hole.end);
  }

  set(name: string, value: TagValue): void {
    const tag = this.#byName.get(name);
    if (tag === undefined) return;
    const { table, offset } = tag.options.address;
    const { options } = this.mapping;
    const bytes = encodeValue(tag, options, rawOf(value, tag));
    const unit = this.#unit;
    const mask = registerMask(tag, options);
    if (table === "coil" || table === "discrete") unit[table].set(offset, bytes[0] ?? 0);
    else if (mask === 0) unit[table].putBytes(offset, bytes);
    else unit[table].set(offset, (unit[table].get(offset) & ~mask) | bytes.readUInt16BE(0));
  }

  get(name: string): TagValue | undefined {
    const tag = this.#byName.get(name);
    if (tag === undefined) return undefined;
    const { table, start, length } = spanOf(tag);
    const unit = this.#unit;
    const bits = table === "coil" || table === "discrete";
    const data = bits ? Buffer.from([unit[table].get(start)]) : unit[table].takeBytes(start, length);
    const raw = compileDecoder(tag, this.mapping.options)(data, 0);
    return raw === undefined ? undefined : compileScaling(tag)(raw);
  }
}

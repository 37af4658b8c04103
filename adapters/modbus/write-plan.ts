import { GatewayError, type TagWrite } from "../../src/adapter-kit/index.ts";
import { formatAddress } from "./address.ts";
import { encodeValue, registerMask } from "./codec.ts";
import type { ModbusDevice, ModbusTag } from "./mapping.ts";

/** One request of a write, or one read-modify-write, and the tags that it serves. */
export type WriteStep = { readonly tags: string[]; readonly address: number } & (
  | { readonly kind: "coils"; readonly states: boolean[] }
  | { readonly kind: "registers"; registers: Buffer }
  | {
      readonly kind: "bits";
      /** Which bits of the register to change. */
      mask: number;
      bits: number;
    }
);

/** The most that one write request carries, Modbus V1.1b3 §6.11, §6.12. */
const mostCoils = 1_968;
const mostRegisters = 123;

/**
 * The steps that write the values, in the order given. Neighbours in order and address share a request, unless the
 * device takes one tag a request. Throws WRITE_REFUSED for a value or a tag that can't be written.
 */
export function planWrites(device: ModbusDevice, writes: readonly TagWrite[]): WriteStep[] {
  const { requests } = device.options;
  const steps: WriteStep[] = [];
  for (const write of writes) {
    const step = stepOf(device, write);
    const last = steps.at(-1);
    const joined =
      last !== undefined &&
      requests.grouping === "least-time" &&
      join(last, step, Math.min(mostCoils, requests.maxBits), Math.min(mostRegisters, requests.maxRegisters));
    if (!joined) steps.push(step);
  }
  return steps;
}

function stepOf(device: ModbusDevice, write: TagWrite): WriteStep {
  const tag = device.tags.find((candidate) => candidate.name === write.tag);
  if (tag === undefined) throw refusal(write.tag, "the mapping has no such tag");
  const { table, offset, bit } = tag.options.address;
  const bytes = encodeValue(tag, device.options, write.value);
  const common = { tags: [tag.name], address: offset };
  if (table === "coil") return { ...common, kind: "coils", states: [bytes[0] === 1] };
  if (table !== "holding") throw refusal(tag.name, `${addressOf(tag)} can only be read`);
  if (bit === undefined) return { ...common, kind: "registers", registers: bytes };
  return { ...common, kind: "bits", mask: registerMask(tag, device.options), bits: bytes.readUInt16BE(0) };
}

/** Adds the step to the one before it where one request can do both. */
function join(last: WriteStep, step: WriteStep, maxCoils: number, maxRegisters: number): boolean {
  if (last.kind === "coils" && step.kind === "coils") {
    if (step.address !== last.address + last.states.length || last.states.length >= maxCoils) return false;
    last.states.push(...step.states);
  } else if (last.kind === "registers" && step.kind === "registers") {
    const joined = Buffer.concat([last.registers, step.registers]);
    const follows = step.address === last.address + last.registers.length / 2;
    if (!follows || joined.length / 2 > maxRegisters) return false;
    last.registers = joined;
  } else if (last.kind === "bits" && step.kind === "bits") {
    if (step.address !== last.address || (last.mask & step.mask) !== 0) return false;
    last.mask |= step.mask;
    last.bits |= step.bits;
  } else return false;
  last.tags.push(...step.tags);
  return true;
}

function addressOf(tag: ModbusTag): string {
  return formatAddress(tag.options.address);
}

function refusal(tag: string, why: string): GatewayError {
  return new GatewayError("WRITE_REFUSED", `${tag} can't be written: ${why}.`, { context: { tag } });
}

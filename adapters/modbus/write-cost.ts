import { registersOf } from "./data-type.ts";
import { drainedAfterMs, timingOf } from "./line-timing.ts";
import type { ModbusConnection, ModbusDevice, ModbusTag } from "./mapping.ts";
import { costOf } from "./planner.ts";
import { costModelOf, typeOf } from "./tag.ts";

/** How long the write of one tag keeps the bus, in ms. */
export interface WriteHold {
  readonly answeredMs: number;
  /** Where the unit falls silent, at its last request at the latest. */
  readonly unansweredMs: number;
}

/** Bytes of an RTU request and of its answer. */
interface WriteFrames {
  readonly request: number;
  readonly answer: number;
  /** What the device's own time per register is counted for. */
  readonly registers: number;
}

/**
 * By the function that the device takes for it: FC 5, 6, 15, 16 or 22 (Modbus V1.1b3 §6.5, §6.6, §6.11, §6.12, §6.16). A bit of
 * a register is read before it is written, and the bus is kept for both, unless the device has FC 22.
 */
export function writeHoldOf(tag: ModbusTag, { connection, options }: ModbusDevice): WriteHold {
  const { characterMs, silenceMs } = timingOf(connection);
  const cost = costModelOf(connection, options);
  const frames = framesOf(tag, options.writes);
  const besideMs = options.requests.cost.request + Math.max(silenceMs, connection.pauseBetweenRequests);
  const sentMs = lineBytes(frames.request, connection) * characterMs;
  const answerMs = lineBytes(frames.answer, connection) * characterMs;
  const reads = tag.options.address.bit !== undefined && options.writes.bits === "read-modify-write";
  const readMs = reads ? costOf({ table: "holding", length: 1 }, cost) : 0;
  const drainedMs = connection.transport === "tcp" ? 0 : drainedAfterMs;
  return {
    answeredMs: readMs + besideMs + sentMs + answerMs + frames.registers * options.requests.cost.register,
    unansweredMs: readMs + sentMs + connection.timeout + drainedMs,
  };
}

function framesOf(tag: ModbusTag, { bits, single }: ModbusDevice["options"]["writes"]): WriteFrames {
  const { table, bit } = tag.options.address;
  const multiple = single === "multiple";
  if (table === "coil") return { request: multiple ? 10 : 8, answer: 8, registers: 0 };
  if (bit !== undefined && bits === "mask-write") return { request: 10, answer: 10, registers: 1 };
  const registers = bit === undefined ? registersOf(typeOf(tag.options)) : 1;
  if (registers === 1 && !multiple) return { request: 8, answer: 8, registers };
  return { request: 9 + 2 * registers, answer: 8, registers };
}

/** Characters on the line: ASCII has two a byte, one byte of check in place of two, and three of framing (§2.5.2). */
function lineBytes(bytes: number, { transport }: ModbusConnection): number {
  return transport === "ascii" ? 2 * bytes + 1 : bytes;
}

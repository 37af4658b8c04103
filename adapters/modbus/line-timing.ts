import { isSerial, type LineSettings, type ModbusConnection } from "./mapping.ts";

/** What time the characters of a serial line take, in ms. */
export interface LineTiming {
  /** One character. */
  readonly characterMs: number;
  /** The silence that sets frames apart. */
  readonly silenceMs: number;
}

/** Where only time apart from the characters counts: a network, and what is behind it. */
export const noLine: LineTiming = { characterMs: 0, silenceMs: 0 };

/** After a request without a clear answer the line has to be silent for so long: USB adapters keep bytes for 16 ms. */
export const drainedAfterMs = 20;

/** Above this the silence no longer shrinks: Modbus over serial line V1.02 §2.5.1.1. */
const fastBaud = 19_200;
const fastSilenceMs = 1.75;
const silentCharacters = 3.5;

/** The timing of the line that the device is on. ASCII frames have a start and an end of their own, and need no silence. */
export function timingOf(connection: ModbusConnection): LineTiming {
  if (!isSerial(connection)) return noLine;
  const characterMs = (1_000 * bitsPerCharacter(connection)) / connection.baud;
  if (connection.transport === "ascii") return { characterMs, silenceMs: 0 };
  return {
    characterMs,
    silenceMs: connection.baud > fastBaud ? fastSilenceMs : silentCharacters * characterMs,
  };
}

/** A start bit goes before each character. */
function bitsPerCharacter({ dataBits, parity, stopBits }: LineSettings): number {
  return 1 + dataBits + (parity === "none" ? 0 : 1) + stopBits;
}

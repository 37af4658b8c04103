import { createRequire } from "node:module";
import type serialport from "serialport";
import { GatewayError } from "../../src/adapter-kit/index.ts";
import type { SerialConnection } from "./mapping.ts";
import type { OpenStream } from "./open-stream.ts";
import { portsInWords } from "./serial-ports.ts";

type SerialPort = serialport.SerialPort;
/** The part of a serial port by which RTS is worked. */
type Switched = Pick<SerialPort, "set" | "write" | "drain">;

/**
 * Opens the serial port, for this process alone. Rejects with DEVICE_UNREACHABLE in the operator's words. An abort
 * meanwhile is waited out: opening does not block, and a port half open would keep its name taken.
 */
export async function openSerial(connection: SerialConnection, signal: AbortSignal): Promise<OpenStream> {
  signal.throwIfAborted();
  const { port: path, baud: baudRate, parity, dataBits, stopBits, rts } = connection;
  const { SerialPort } = createRequire(import.meta.url)("serialport") as typeof serialport;
  const port = new SerialPort({ path, baudRate, parity, dataBits, stopBits, lock: true, autoOpen: false });
  await new Promise<void>((resolve, reject) => {
    port.open((cause) => (cause === null ? resolve() : reject(unopened(path, cause))));
  });
  const opened: OpenStream = {
    stream: port,
    transmit: transmitter(port, rts, (cause) => port.emit("error", cause)),
    close: () => closePort(port),
    lost: (how, cause) => gone(path, how, cause),
  };
  try {
    if (rts !== "driver") await setRts(port, rts === "while-receiving");
    signal.throwIfAborted();
  } catch (caught) {
    await opened.close();
    throw signal.aborted ? signal.reason : unopened(path, caught as Error);
  }
  return opened;
}

/**
 * How bytes go out. With RTS as the direction of an RS-485 driver: RTS is set, the bytes are written, and RTS goes back
 * once the driver says that they are out. That takes place in this program: it is late by a millisecond or more, and
 * an adapter that keeps bytes to itself goes back too early.
 */
export function transmitter(
  port: Switched,
  rts: SerialConnection["rts"],
  fail: (cause: Error) => void,
): (bytes: Buffer) => void {
  if (rts === "driver" || rts === "off") return (bytes) => void port.write(bytes);
  const sending = rts === "while-sending";
  return (bytes) => {
    const send = async () => {
      await setRts(port, sending);
      port.write(bytes);
      await new Promise<void>((resolve, reject) => {
        port.drain((cause) => (cause === null || cause === undefined ? resolve() : reject(cause)));
      });
      await setRts(port, !sending);
    };
    send().catch(fail);
  };
}

function setRts(port: Pick<Switched, "set">, on: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    port.set({ rts: on }, (cause) => (cause === null || cause === undefined ? resolve() : reject(cause)));
  });
}

function closePort(port: SerialPort): Promise<void> {
  return new Promise((resolve) => {
    if (port.isOpen) port.close(() => resolve());
    else if (port.closing) port.once("close", () => resolve());
    else resolve();
  });
}

function unopened(path: string, cause: Error): GatewayError {
  const context = { port: path };
  const details = { cause, context };
  if (/no such file|no such device|enoent|enxio/i.test(cause.message)) {
    return new GatewayError(
      "DEVICE_UNREACHABLE",
      `There is no serial port ${path}. ${portsInWords()}. Check that the adapter is plugged in, and the name: ` +
        "those under /dev/serial/by-id stay the same over replugging.",
      details,
    );
  }
  if (/lock|busy/i.test(cause.message)) {
    return new GatewayError(
      "DEVICE_UNREACHABLE",
      `The serial port ${path} is in use by another program, or by another device of this site under another name.`,
      details,
    );
  }
  if (/permission|eacces/i.test(cause.message)) {
    return new GatewayError(
      "DEVICE_UNREACHABLE",
      `The gateway may not open the serial port ${path}. On Debian its user has to be in the group dialout.`,
      details,
    );
  }
  return new GatewayError(
    "DEVICE_UNREACHABLE",
    `The serial port ${path} can't be opened as asked: ${cause.message}. Check baud, parity, dataBits, stopBits and rts.`,
    details,
  );
}

function gone(path: string, how: string, cause?: Error): GatewayError {
  return new GatewayError(
    "DEVICE_UNREACHABLE",
    `The serial port ${path} ${how}. ${portsInWords()}. Check that the adapter is plugged in; it is opened again as ` +
      "soon as it is back under this name.",
    { cause, context: { port: path } },
  );
}

import type { DeviceMapping, Duration, TagMapping } from "../../src/adapter-kit/index.ts";
import type { Address, Hole } from "./address.ts";
import type { DataType } from "./data-type.ts";
import type { Order, StringOrder } from "./order.ts";

/** What every transport has. Plain data. */
interface AnyConnection {
  /** 0 to 255 on TCP; 1 to 247 on a serial line, where 0 is everybody. */
  readonly unitId: number;
  /** How long an answer may be in coming; the time of the characters themselves comes on top. */
  readonly timeout: Duration;
  /** Silence after connecting, before the first request. */
  readonly pauseAfterConnect: Duration;
  /** Silence between an answer and the next request. */
  readonly pauseBetweenRequests: Duration;
  /** Silence before a request to this unit where the request before went to another one. */
  readonly turnaround: Duration;
}

/** Modbus TCP, or RTU frames through a serial server's TCP port. */
export interface NetworkConnection extends AnyConnection {
  readonly transport: "tcp" | "rtu-over-tcp";
  readonly host: string;
  readonly port: number;
  /** How long the TCP handshake may take. */
  readonly connectTimeout: Duration;
}

/** What all devices on one serial line have in common. */
export interface LineSettings {
  /** Bits a second. */
  readonly baud: number;
  readonly parity: "none" | "even" | "odd";
  readonly dataBits: 7 | 8;
  readonly stopBits: 1 | 2;
  /** What becomes of RTS: the driver's business, off, or on (off) while a request goes out. */
  readonly rts: "driver" | "off" | "while-sending" | "while-receiving";
}

/** A serial line, RS-232 or RS-485. */
export interface SerialConnection extends AnyConnection, LineSettings {
  readonly transport: "rtu" | "ascii";
  /** The path of the port, such as `/dev/serial/by-id/usb-FTDI_…-port0`. */
  readonly port: string;
}

/** `connection:` of a device file. Plain data. */
export type ModbusConnection = NetworkConnection | SerialConnection;

/** The device's own keys beside `connection:`. Plain data. */
export interface ModbusOptions {
  /** The order of tags that have none of their own. */
  readonly order: Order;
  /** The same for the characters of strings. */
  readonly stringOrder: StringOrder;
  readonly requests: RequestOptions;
  readonly writes: WriteOptions;
}

/** What the planner may ask the device for in one request. */
interface RequestOptions {
  /** 1 to 125. */
  readonly maxRegisters: number;
  /** 1 to 2000. */
  readonly maxBits: number;
  readonly holes: readonly Hole[];
  /** `least-time`: tags share requests where that saves bus time; `per-tag`: a request asks for one tag's registers only. */
  readonly grouping: "least-time" | "per-tag";
  readonly cost: {
    /** Reckoned time of a request for nothing. */
    readonly request: Duration;
    /** Reckoned time that each register adds. */
    readonly register: Duration;
  };
}

/** Which functions the device takes for writes. */
interface WriteOptions {
  /** One bit of a holding register: FC 3 and a write of the whole register, or FC 22. */
  readonly bits: "read-modify-write" | "mask-write";
  /** One coil or one register: FC 5 and 6, or FC 15 and 16, for devices without the former. */
  readonly single: "single" | "multiple";
}

/** A tag's own keys. Plain data. What is absent follows from the address and the device: see tag.ts. */
export interface ModbusTagOptions {
  readonly address: Address;
  /** Asked for ahead of all other polls, in a request of its own. */
  readonly event?: boolean | undefined;
  readonly type?: DataType | undefined;
  readonly order?: Order | undefined;
  readonly stringOrder?: StringOrder | undefined;
}

export type ModbusTag = TagMapping<ModbusTagOptions>;
export type ModbusDevice = DeviceMapping<ModbusConnection, ModbusOptions, ModbusTagOptions>;

/** True where the device is on a serial port of this machine. */
export function isSerial(connection: ModbusConnection): connection is SerialConnection {
  return connection.transport === "rtu" || connection.transport === "ascii";
}

/** Such as `10.0.0.7:502`, the same however a host is spelled: names know no case (RFC 4343 §3). Or the serial port's path. */
export function endpointOf(connection: ModbusConnection): string {
  return isSerial(connection) ? connection.port : `${connection.host.toLowerCase()}:${connection.port}`;
}

/** What all devices at one endpoint must have in common: such as `rtu 19200 8E1`, or `tcp`. */
export function lineOf(connection: ModbusConnection): string {
  if (!isSerial(connection)) return connection.transport;
  const { transport, baud, dataBits, parity, stopBits } = connection;
  return `${transport} ${baud} ${dataBits}${parity.charAt(0).toUpperCase()}${stopBits}`;
}

import type { DeviceMapping, Duration, TagMapping } from "../../src/adapter-kit/index.ts";
import type { Address, Hole } from "./address.ts";
import type { DataType } from "./data-type.ts";
import type { Order, StringOrder } from "./order.ts";

/** `connection:` of a device file. Plain data. */
export interface ModbusConnection {
  readonly transport: "tcp";
  readonly host: string;
  readonly port: number;
  /** 0 to 255. */
  readonly unitId: number;
  /** How long an answer may take. */
  readonly timeout: Duration;
  /** How long the TCP handshake may take. */
  readonly connectTimeout: Duration;
  /** Silence after connecting, before the first request. */
  readonly pauseAfterConnect: Duration;
  /** Silence between an answer and the next request. */
  readonly pauseBetweenRequests: Duration;
}

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
  readonly type?: DataType | undefined;
  readonly order?: Order | undefined;
  readonly stringOrder?: StringOrder | undefined;
}

export type ModbusTag = TagMapping<ModbusTagOptions>;
export type ModbusDevice = DeviceMapping<ModbusConnection, ModbusOptions, ModbusTagOptions>;

/** Such as `10.0.0.7:502`, the same however a host is spelled: names know no case (RFC 4343 §3). */
export function endpointOf({ host, port }: Pick<ModbusConnection, "host" | "port">): string {
  return `${host.toLowerCase()}:${port}`;
}

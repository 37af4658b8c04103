import type { DeviceMapping, Duration, TagMapping } from "../../src/adapter-kit/index.ts";
import type { TypeName } from "./datatype.ts";

/** The keys of `connection:`. */
export interface SparkplugConnection {
  /** Group id: the first level below `spBv1.0`. */
  readonly group: string;
  /** Edge node id. */
  readonly node: string;
  /** Device id; absent: the metrics of the edge node itself. */
  readonly device?: string | undefined;
  /** The id under which the gateway is a host application. */
  readonly hostId?: string | undefined;
  /** So long a message that came too early waits for those before it. */
  readonly reorder: Duration;
  /** The least time between two requests for a rebirth. */
  readonly rebirth: Duration;
}

/** This protocol has no keys of its own at the top of a device file. */
export type SparkplugOptions = Readonly<Record<string, never>>;

export interface SparkplugTagOptions {
  /** The metric's name in the birth certificate, such as `Line/Press/Pressure`. */
  readonly metric: string;
  /** Absent: as the birth certificate says. */
  readonly type?: TypeName | undefined;
}

export type SparkplugDeviceMapping = DeviceMapping<
  SparkplugConnection,
  SparkplugOptions,
  SparkplugTagOptions
>;
export type SparkplugTagMapping = TagMapping<SparkplugTagOptions>;
